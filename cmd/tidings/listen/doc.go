// Package listen is `tidings listen`: a temporary endpoint whose deliveries this process
// polls, so that no address need be public. It verifies, prints and forwards each as the
// receiver would get it, and settles it by what that answers.
package listen
