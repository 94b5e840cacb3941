// Two WebSocket clients for Go, each held to the same scene: join a room, publish, read it back,
// and have a text and a binary frame echoed. Prints one line a check: its name, and "ok" or a reason.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
)

const deadline = 120 * time.Second // on a busy machine anything may take long

// A connection of either library. A text frame is not binary.
type connection interface {
	send(isBinary bool, payload []byte) error
	receive() (isBinary bool, payload []byte, err error)
	close() error
}

type dialer func(url string) (connection, error)

type gorillaConnection struct{ *gorilla.Conn }

func (c gorillaConnection) send(isBinary bool, payload []byte) error {
	kind := gorilla.TextMessage
	if isBinary {
		kind = gorilla.BinaryMessage
	}
	return c.WriteMessage(kind, payload)
}

func (c gorillaConnection) receive() (bool, []byte, error) {
	c.SetReadDeadline(time.Now().Add(deadline))
	kind, payload, err := c.ReadMessage()
	return kind == gorilla.BinaryMessage, payload, err
}

// close says goodbye and waits for the server's answer.
func (c gorillaConnection) close() error {
	c.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(1000, "bye"))
	for {
		if _, _, err := c.receive(); err != nil {
			if gorilla.IsCloseError(err, 1000) {
				return nil
			}
			return err
		}
	}
}

type coderConnection struct {
	*coder.Conn
	ctx context.Context
}

func (c coderConnection) send(isBinary bool, payload []byte) error {
	kind := coder.MessageText
	if isBinary {
		kind = coder.MessageBinary
	}
	return c.Write(c.ctx, kind, payload)
}

func (c coderConnection) receive() (bool, []byte, error) {
	kind, payload, err := c.Read(c.ctx)
	return kind == coder.MessageBinary, payload, err
}

func (c coderConnection) close() error { return c.Close(1000, "bye") }

func echoes(dial dialer, base string) error {
	c, err := dial(base + "/ws/echo")
	if err != nil {
		return err
	}
	for _, isBinary := range []bool{false, true} {
		sent := []byte(strings.Repeat("é", 5000))
		if err := c.send(isBinary, sent); err != nil {
			return err
		}
		gotBinary, got, err := c.receive()
		if err != nil {
			return err
		}
		if gotBinary != isBinary || !bytes.Equal(got, sent) {
			return fmt.Errorf("%d bytes came back of %d", len(got), len(sent))
		}
	}
	return c.close()
}

func talks(dial dialer, base string, room string) error {
	c, err := dial(base + "/ws")
	if err != nil {
		return err
	}
	requests := []map[string]any{
		{"type": "join", "room": room},
		{"type": "message", "room": room, "content": "hi"},
	}
	for _, request := range requests {
		text, _ := json.Marshal(request)
		if err := c.send(false, text); err != nil {
			return err
		}
	}
	for {
		_, text, err := c.receive()
		if err != nil {
			return err
		}
		var frame struct{ Type, Content string }
		json.Unmarshal(text, &frame)
		if frame.Type == "message" && frame.Content == "hi" {
			return c.close()
		}
	}
}

func main() {
	base := os.Args[1]
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	dialers := map[string]dialer{
		"gorilla": func(url string) (connection, error) {
			c, _, err := gorilla.DefaultDialer.Dial(url, nil)
			return gorillaConnection{c}, err
		},
		"coder": func(url string) (connection, error) {
			c, _, err := coder.Dial(ctx, url, &coder.DialOptions{Subprotocols: []string{"partyline.v1"}})
			return coderConnection{c, ctx}, err
		},
	}
	for name, dial := range dialers {
		say(name+" echoes", echoes(dial, base))
		say(name+" talks", talks(dial, base, "go-"+name))
	}
}

func say(check string, err error) {
	if err == nil {
		fmt.Println(check + ": ok")
	} else {
		fmt.Printf("%s: %v\n", check, err)
	}
}
