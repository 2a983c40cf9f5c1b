"""What is done with a registered model: `predicting/` for single images, `serving/` behind HTTP and as an endpoint,
`batch/` for many images. Begin at `predicting/models.py`.
"""
