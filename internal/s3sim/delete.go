package s3sim

import (
	"encoding/xml"
	"net/http"
)

func (c *call) deleteObject() error {
	if match := c.r.Header.Get("If-Match"); match != "" {
		o := c.b.get(c.key)
		if o == nil {
			return noSuchKey()
		}
		if !etagMatches(match, o.etag) {
			return preconditionFailed("If-Match")
		}
	}
	c.b.remove(c.key)
	c.s.log.accept(c, Entry{})
	return c.empty(http.StatusNoContent)
}

func (c *call) deleteObjects() error {
	doc, err := c.readDocument()
	if err != nil {
		return err
	}
	var list struct {
		Quiet   bool
		Objects []struct{ Key string } `xml:"Object"`
	}
	if xml.Unmarshal(doc, &list) != nil || len(list.Objects) == 0 || len(list.Objects) > 1000 {
		return malformedXML()
	}
	var x xmlDoc
	x.root("DeleteResult")
	for _, o := range list.Objects {
		c.b.remove(o.Key)
		if !list.Quiet {
			x.open("Deleted")
			x.elem("Key", o.Key)
			x.shut("Deleted")
		}
	}
	x.shut("DeleteResult")
	c.writeXML(http.StatusOK, x.Bytes())
	return nil
}

func malformedXML() error {
	return refuse(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
}
