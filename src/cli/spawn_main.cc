#include "cli/spawn_main.h"

#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/spawn.h"
#include "session/single_client.h"

namespace policymux {
namespace {

using Problem = Unexpected<std::string>;

constexpr int wrong_usage = 2;
constexpr std::string_view hapolicy_name = "hapolicy";

// What was said.
struct Said {
  std::string config{}, policy{};
  HapolicyOptions hapolicy{};
  bool of_policy = false, of_hapolicy = false;  // options of the one and of the other
  bool help = false;
};

struct Row {
  const char* letter;  // is a long name, too: --s
  const char* name;
  const char* argument;  // nullptr: takes none
  bool ours;             // hapolicy has no such option
  void (*set)(Said&, const char* argument);
  std::string_view help;
};
constexpr Row rows[] = {
    {"s", "service", "NAME=ADDRESS:PORT[:PRIO[:WEIGHT[:TIMEOUT]]]", false,
     [](Said& said, const char* text) { said.hapolicy.services.emplace_back(text); },
     "a policy server to ask; several: by PRIO (10, lower first), then by WEIGHT (1); TIMEOUT (30) in seconds"},
    {"d", "default", "ACTION", false, [](Said& said, const char* text) { said.hapolicy.default_action = text; },
     "the answer when none of them answers (dunno)"},
    {"l", "logging", nullptr, false, [](Said& said, const char*) { said.hapolicy.logging = true; },
     "log a line for each try"},
    {"v", "verbose", nullptr, false, [](Said& said, const char*) { said.hapolicy.verbose = true; }, "log more"},
    {"L", "stdout", nullptr, false, [](Said& said, const char*) { said.hapolicy.to_stdout = true; },
     "log to standard output, unless that is a client's connection"},
    {"c", "config", "FILE", true, [](Said& said, const char* text) { said.config = text; },
     "main.conf, instead of the options above (else POLICYMUX_CONFIG, APOLICY_CONFIG_PATH, "
     "/etc/policymux/main.conf, /etc/apolicy/main.conf)"},
    {"P", "policy", "FILE", true, [](Said& said, const char* text) { said.policy = text; },
     "policy.conf, instead of the one that main.conf names"},
    {"h", "help", nullptr, true, [](Said& said, const char*) { said.help = true; }, "print this"},
};

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }
bool is_hapolicy(const char* program) { return base_name(program) == hapolicy_name; }

// The rows as getopt_long(3) wants them.
class Options {
 public:
  explicit Options(bool hapolicy) {
    for (const auto& row : rows) {
      if (hapolicy && row.ours) continue;
      const int argument = row.argument ? required_argument : no_argument;
      letters_ += row.letter;
      if (row.argument) letters_ += ':';
      for (const auto* name : {row.name, row.letter}) names_.push_back({name, argument, nullptr, row.letter[0]});
    }
    names_.push_back({});
  }

  // The letter of the next option; -1: there is none.
  int next(int argc, char** argv) const {
    return ::getopt_long(argc, argv, letters_.c_str(), names_.data(), nullptr);
  }

 private:
  std::string letters_{":"};  // a missing argument is told apart from a wrong option
  std::vector<option> names_;
};

std::string wrong_option(char** argv) {
  return optopt == 0 ? argv[optind - 1] : fmt::format("-{}", static_cast<char>(optopt));
}

Result<Said, std::string> parse(int argc, char** argv, bool hapolicy) {
  Said said;
  const Options options{hapolicy};
  opterr = 0;
  for (int letter = 0; (letter = options.next(argc, argv)) != -1;) {
    if (letter == ':') return Problem{fmt::format("{} wants an argument", wrong_option(argv))};
    if (letter == '?') return Problem{fmt::format("wrong option: {}", wrong_option(argv))};
    const auto& row = *std::ranges::find_if(rows, [letter](const Row& r) { return r.letter[0] == letter; });
    row.set(said, optarg);
    (row.ours ? said.of_policy : said.of_hapolicy) = true;
  }
  if (optind < argc) return Problem{fmt::format("unexpected argument: {}", argv[optind])};
  if (said.of_policy && said.of_hapolicy) return Problem{"either -c and --policy, or hapolicy's options"};
  return said;
}

std::string help() {
  std::string text =
      "Usage: policymux spawn [OPTIONS]\n\n"
      "Answers one client on standard input and output, as under Postfix's spawn(8): with a policy, or by asking\n"
      "other policy servers, with the options of hapolicy.\n\nOptions:\n";
  for (const auto& row : rows) {
    text += fmt::format("  -{}, --{}{}{}\n        {}\n", row.letter, row.name, row.argument ? " " : "",
                        row.argument ? row.argument : "", row.help);
  }
  return text;
}

int print_help(const StandardStreams& streams) {
  if (is_socket(streams.out.get())) return 0;
  const auto text = help();
  return ::write(streams.out.get(), text.data(), text.size()) < 0 ? 1 : 0;
}

}  // namespace

bool is_spawn(int argc, char** argv) {
  return argc > 0 && (is_hapolicy(argv[0]) || (argc > 1 && argv[1] == std::string_view{"spawn"}));
}

int spawn_main(int argc, char** argv) {
  const bool hapolicy = is_hapolicy(argv[0]);
  const auto program = hapolicy ? hapolicy_name : "policymux";
  auto streams = StandardStreams::take();
  if (!streams) return tell_administrator(program, streams.error()), 1;
  const auto said = hapolicy ? parse(argc, argv, true) : parse(argc - 1, argv + 1, false);
  if (!said) return tell_administrator(program, said.error()), wrong_usage;
  if (said->help) return print_help(*streams);
  SpawnOptions options;
  if (hapolicy || said->of_hapolicy) options.hapolicy = said->hapolicy;
  else options.origins = {.config = find_config(said->config), .policy = said->policy};
  return spawn(options, *std::move(streams));
}

}  // namespace policymux
