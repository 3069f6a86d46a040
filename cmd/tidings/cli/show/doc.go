// Package show shows what the API answered: as JSON, as tables for people, or as the
// ids alone.
//
// What came from elsewhere is cleaned before a terminal gets it: of control characters
// and of what turns the direction of writing. JSON has those escaped, and letters as
// letters: "<", not "\u003c".
package show
