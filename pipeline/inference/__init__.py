"""What is done with a registered model: `predicting/` for single images, `serving/` behind HTTP and as an endpoint,
`batch/` for many images. Begin at `predicting/models.py`. May import every room below `targets`, and that.
"""
