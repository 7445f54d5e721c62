package creds

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"slices"
)

// deepest is how many objects keys may be wrapped in, such as the Credentials of
// STS or the data of an API gateway.
const deepest = 5

// parseJSON finds the one object that holds keys.
func parseJSON(data []byte) (found, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return found{}, errors.New("it is not whole JSON")
	}
	f, ok, err := search(value, deepest)
	if err != nil || ok {
		return f, err
	}
	object, _ := value.(map[string]any)
	return fields(object) // says which one is missing
}

// search looks for an object with an id and a secret, outer ones first.
func search(value any, depth int) (found, bool, error) {
	object, ok := value.(map[string]any)
	if !ok || depth == 0 {
		return found{}, false, nil
	}
	f, err := fields(object)
	if err != nil || f.whole() {
		return f, true, err
	}
	var names []string
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if f, ok, err := search(object[name], depth-1); ok || err != nil {
			return f, ok, err
		}
	}
	return found{}, false, nil
}

// fields reads the texts and numbers of one object.
func fields(object map[string]any) (found, error) {
	var f found
	for name, value := range object {
		var text string
		switch v := value.(type) {
		case string:
			text = v
		case json.Number:
			text = v.String()
		}
		if err := f.put(name, text); err != nil {
			return found{}, err
		}
	}
	return f, nil
}

// parseXML reads the answer of STS, or of a service that speaks like it:
// elements named as the fields, at any depth.
func parseXML(data []byte) (found, error) {
	var f found
	dec := xml.NewDecoder(bytes.NewReader(data))
	name := "" // of the element whose text is being read
	var text []byte
	for depth := 0; ; {
		token, err := dec.Token()
		if err == io.EOF {
			return f, nil
		}
		if err != nil {
			return found{}, errors.New("it is not whole XML")
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth > 50 {
				return found{}, errors.New("its XML is nested too deep")
			}
			name = t.Name.Local
			text = text[:0]
		case xml.CharData:
			text = append(text, t...)
		case xml.EndElement:
			depth--
			if err := f.put(name, string(bytes.TrimSpace(text))); err != nil {
				return found{}, err
			}
			name = ""
		}
	}
}
