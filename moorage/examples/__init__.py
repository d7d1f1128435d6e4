"""Small workers as a user would write them: `moorage worker moorage.examples.echo:echo`."""
