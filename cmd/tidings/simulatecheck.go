package main

import (
	"context"
	"io"
)

func checkModel(context.Context, uint64, io.Writer, io.Writer) error { return nil }
