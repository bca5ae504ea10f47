package tracker

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Server receives the positions that couriers' phones report.
type Server struct {
	limiter *TokenBucket
	store   PositionStore
}

// PositionStore keeps reported positions.
type PositionStore interface {
	Append(courier string, position Position) error
}

func (s *Server) reportPosition(w http.ResponseWriter, r *http.Request) {
	if !s.limiter.Allow() {
		http.Error(w, "slow down", http.StatusTooManyRequests)
		return
	}
	var position Position
	if err := json.NewDecoder(r.Body).Decode(&position); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.store.Append(r.Header.Get("X-Courier"), position); err != nil {
		log.Printf("append: %v", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
	}
}

// Run serves until the process is told to stop, then lets running requests finish.
func (s *Server) Run(address string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /position", s.reportPosition)
	server := &http.Server{Addr: address, Handler: mux}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-stop
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		server.Shutdown(ctx)
	}()
	return server.ListenAndServe()
}
