"""What a user of the mlflow client may do, as functions of a client and an empty folder."""
