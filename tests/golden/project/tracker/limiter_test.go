package tracker

import "testing"

func TestAllowRefusesWhenTheBucketIsEmpty(t *testing.T) {
	bucket := NewTokenBucket(2, 0)
	if !bucket.Allow() || !bucket.Allow() {
		t.Fatal("a full bucket refused")
	}
	if bucket.Allow() {
		t.Fatal("an empty bucket allowed a request")
	}
}
