#include "lt_words.h"

const char *const lt_adjectives[LT_WORDS_MAX] = {
    "agile", "amber", "ample", "autumn", "balmy", "bold", "brave", "breezy",
    "bright", "brisk", "calm", "candid", "careful", "cheery", "clear",
    "clever", "cool", "copper", "cosy", "crisp", "curious", "dapper", "daring",
    "deft", "eager", "early", "earnest", "easy", "elegant", "even", "fair",
    "festive", "fine", "fleet", "fluent", "fresh", "gentle", "gifted", "glad",
    "golden", "grand", "great", "happy", "hardy", "hearty", "helpful",
    "honest", "humble", "ideal", "indigo", "jolly", "jovial", "joyful", "keen",
    "kind", "lavish", "light", "lively", "long", "loyal", "lucid", "lucky",
    "lunar", "mellow", "merry", "mighty", "mild", "modern", "modest", "neat",
    "nimble", "noble", "open", "orange", "patient", "placid", "polite",
    "prime", "proud", "quick", "quiet", "rapid", "ready", "regal", "robust",
    "rosy", "royal", "rustic", "sandy", "serene", "shiny", "silent", "silver",
    "simple", "sincere", "smart", "smooth", "snug", "solar", "solid", "spring",
    "stable", "steady", "still", "sturdy", "subtle", "summer", "sunny",
    "swift", "tidy", "timely", "tranquil", "true", "trusty", "upbeat", "vast",
    "velvet", "violet", "vivid", "warm", "wide", "willing", "windy", "winter",
    "wise", "witty", "wondrous", "zesty"
};

const char *const lt_nouns[LT_WORDS_MAX] = {
    "acorn", "alder", "anchor", "apple", "arbor", "aspen", "atlas", "badger",
    "bamboo", "bay", "beacon", "birch", "bison", "bloom", "breeze", "bridge",
    "brook", "canyon", "castle", "cedar", "cello", "cherry", "cliff", "cloud",
    "clover", "comet", "compass", "coral", "cove", "crystal", "dawn", "delta",
    "dolphin", "dune", "eagle", "elm", "ember", "falcon", "fern", "finch",
    "fjord", "flute", "forest", "fox", "garden", "glacier", "glade", "grove",
    "harbor", "harp", "hazel", "heron", "hill", "horizon", "island", "ivy",
    "jasmine", "journey", "kayak", "lagoon", "lake", "lantern", "lark",
    "laurel", "lily", "linden", "lotus", "lynx", "maple", "marble", "meadow",
    "melody", "meteor", "moon", "moss", "mountain", "oasis", "ocean", "olive",
    "orbit", "orchard", "orchid", "otter", "owl", "palm", "panda", "pebble",
    "pine", "planet", "plaza", "plum", "pond", "poppy", "prairie", "quartz",
    "quill", "rain", "raven", "reef", "ridge", "river", "robin", "rocket",
    "rose", "sail", "sequoia", "shore", "sky", "sparrow", "spruce", "star",
    "stone", "stream", "summit", "sunrise", "swan", "thistle", "tiger",
    "trail", "tulip", "valley", "violin", "walnut", "wave", "willow", "wind",
    "wren", "zephyr"
};
