//go:build !darwin && !linux

package broker

func roomOf(string) Room { return Room{} }
