package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"wend/engine"
	"wend/schemas/yamlfile"
)

// known is an error when a flag's value is none of the options.
func known(flag, value string, options ...string) error {
	if slices.Contains(options, value) {
		return nil
	}
	return fmt.Errorf("%s %q is not known: write %s", flag, value, strings.Join(options, " or "))
}

// configFlags gives a command -C and a flag for each key of wend.yaml, also for those of the channels that args name.
func configFlags(cmd *cobra.Command, dir *string, args []string) {
	f := cmd.Flags()
	f.StringVarP(dir, "directory", "C", ".", "the workspace")
	keys := engine.ConfigKeys()
	for _, channel := range channelsIn(args) {
		keys = append(keys, engine.DeliveryKeys(channel)...)
	}
	for _, k := range keys {
		f.String(k.Flag(), k.Default, k.Help)
	}
}

// channelsIn finds the channels in flags such as --delivery-push-webhook, whose names are the user's.
func channelsIn(args []string) []string {
	var channels []string
	flag := regexp.MustCompile(`^--delivery-(.+)-(?:webhook|secret|rate|smtp|username|password|from|log)(?:=|$)`)
	for _, a := range args {
		if m := flag.FindStringSubmatch(a); m != nil && !slices.Contains(channels, m[1]) {
			channels = append(channels, m[1])
		}
	}
	return channels
}

// logFlags gives a command that reads a log the flags of the keys that say in which form events are written.
func logFlags(cmd *cobra.Command) {
	for _, k := range engine.ConfigKeys() {
		if k.Path == "source.format" || strings.HasPrefix(k.Path, "source.fields.") {
			cmd.Flags().String(k.Flag(), k.Default, k.Help)
		}
	}
}

// loadConfig reads the configuration with what flags and variables say.
func loadConfig(cmd *cobra.Command, dir string, args []string) (engine.Config, yamlfile.Problems) {
	return engine.LoadConfig(dir, os.Environ(), settings(cmd, args))
}

// settings are the keys whose flags were given.
func settings(cmd *cobra.Command, args []string) []engine.Setting {
	keys := engine.ConfigKeys()
	for _, channel := range channelsIn(args) {
		keys = append(keys, engine.DeliveryKeys(channel)...)
	}
	var given []engine.Setting
	for _, k := range keys {
		if f := cmd.Flags().Lookup(k.Flag()); f != nil && f.Changed {
			given = append(given, engine.Setting{Path: k.Path, Value: f.Value.String(), Place: "--" + k.Flag()})
		}
	}
	return given
}
