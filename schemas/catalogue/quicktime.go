package catalogue

import "time"

// isTime reports a time of RFC 3339, except those with a leap second or with
// small letters, which are left to the validator. Package time takes more: a
// comma, an offset of 24 hours.
func isTime(text []byte) bool {
	const upToSeconds = "0000-00-00T00:00:00"
	n := len(upToSeconds)
	if len(text) <= n || !shaped(text[:n], upToSeconds) {
		return false
	}
	year, month, day := 100*two(text)+two(text[2:]), two(text[5:]), two(text[8:])
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || !isClock(text[11:]) || two(text[17:]) > 59 {
		return false
	}
	return isZone(withoutFraction(text[n:]))
}

// withoutFraction drops a fraction of the second, if there is one.
func withoutFraction(text []byte) []byte {
	if text[0] != '.' {
		return text
	}
	n := 1
	for n < len(text) && isDigit(text[n]) {
		n++
	}
	if n == 1 {
		return nil // a point without digits
	}
	return text[n:]
}

func isZone(text []byte) bool {
	if string(text) == "Z" {
		return true
	}
	return len(text) > 0 && (text[0] == '+' || text[0] == '-') && shaped(text[1:], "00:00") && isClock(text[1:])
}

// daysIn is the last day of the month.
func daysIn(year, month int) int {
	return time.Date(year, time.Month(month+1), 0, 0, 0, 0, 0, time.UTC).Day()
}

// isClock reports hours and minutes that there are.
func isClock(text []byte) bool { return two(text) <= 23 && two(text[3:]) <= 59 }

// shaped reports whether the text has digits where the shape has a "0", and
// elsewhere what the shape has.
func shaped(text []byte, shape string) bool {
	if len(text) != len(shape) {
		return false
	}
	for i, c := range text {
		if shape[i] == '0' && !isDigit(c) || shape[i] != '0' && c != shape[i] {
			return false
		}
	}
	return true
}

// two is the number of the first two digits.
func two(digits []byte) int { return 10*int(digits[0]-'0') + int(digits[1]-'0') }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
