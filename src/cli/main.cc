// The command line: what each command takes, and nothing else.
#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <string_view>
#include <system_error>

#include "app/daemon.h"
#include "base/endpoint.h"
#include "base/text.h"
#include "base/time.h"
#include "bench/bench.h"
#include "cli/commands.h"
#include "cli/inline_bench.h"
#include "cli/spawn_main.h"

namespace policymux {
namespace {

constexpr int wrong_usage = 2;

// "30s", "250ms", "5m" and the like.
CLI::Option* add_duration(CLI::App& command, const std::string& name, milliseconds& target, const std::string& help) {
  return command.add_option_function<std::string>(name, [&target, name](const std::string& text) {
    const auto duration = parse_duration(text);
    if (!duration) throw CLI::ValidationError(name, "want a number and a unit, as in 250ms or 30s");
    target = *duration;
  }, help + " (" + format_duration(target) + ")");
}

// `target`: an Endpoint, or an optional one.
template <class Target>
CLI::Option* add_endpoint(CLI::App& command, const std::string& name, Target& target, const std::string& help) {
  return command.add_option_function<std::string>(name, [&target, name](const std::string& text) {
    auto endpoint = parse_endpoint(text);
    if (!endpoint) throw CLI::ValidationError(name, endpoint.error());
    target = *std::move(endpoint);
  }, help);
}

std::string with_default(const std::string& help, const Endpoint& endpoint) {
  return help + " (" + to_string(endpoint) + ")";
}

// "policy|postfwd|...".
std::string product_names() {
  std::string out;
  for (const auto& [name, product] : products) out += (out.empty() ? "" : "|") + std::string{name};
  return out;
}

CLI::Option* add_product(CLI::App& command, const std::string& name, std::optional<Product>& target,
                         const std::string& help) {
  return command.add_option_function<std::string>(name, [&target, name](const std::string& text) {
    const auto* const row = std::ranges::find_if(products, [&text](const auto& one) { return one.first == text; });
    if (row == std::end(products)) throw CLI::ValidationError(name, "want " + product_names());
    target = row->second;
  }, help)->type_name(product_names());
}

struct ConfigArguments {
  std::string config{}, policy{};
  Origins origins() const { return {.config = find_config(config), .policy = policy}; }
};

CLI::App& add_command(CLI::App& app, ConfigArguments& config, const std::string& name, const std::string& help) {
  auto& command = *app.add_subcommand(name, help);
  command.add_option(
      "-c,--config", config.config,
      "main.conf (else POLICYMUX_CONFIG, APOLICY_CONFIG_PATH, /etc/policymux/main.conf, /etc/apolicy/main.conf)");
  command.add_option("--policy", config.policy, "policy.conf, instead of the one that main.conf names");
  return command;
}

void add_bench(CLI::App& app, BenchOptions& bench, InlineBenchOptions& in_process, bool& is_inline,
               ConfigArguments& config) {
  auto& command =
      add_command(app, config, "bench", "put load on a policy server, or measure parsing and deciding alone");
  auto& load = bench.load;
  add_endpoint(command, "--target", load.target, with_default("the server to ask", load.target));
  command.add_option("--connections", load.connections, "how many (10)")->check(CLI::Range(1u, 100'000u));
  command.add_flag("--reconnect", load.reconnect, "a new connection for each request");
  command.add_option("--rate", load.rate, "requests per second in all; 0: as fast as answers come (0)")
      ->check(CLI::NonNegativeNumber);
  add_duration(command, "--duration", load.duration, "how long to measure");
  add_duration(command, "--warm-up", load.warm_up, "how long before that");
  command.add_option("--count", load.count, "stop after so many requests; 0: only the time ends it (0)");
  command.add_option("--seed", load.seed, "of the requests that are made up (1)");
  command.add_option("--requests", load.requests, "a file of requests to send instead");
  command.add_option("--cpu", load.cpu, "run on this processor alone");
  command.add_flag("--json", bench.json, "one line of JSON");
  auto* const floor =
      command.add_flag("--floor", bench.floor, "be the floor instead: a server that only finds a request's end");
  add_endpoint(command, "--listen", bench.floor_options.listen,
               with_default("where the floor listens", bench.floor_options.listen))->needs(floor);
  add_endpoint(command, "--relay-to", bench.floor_options.upstream,
               "with --floor: pass all on to this server, unseen, and its answers back")->needs(floor);
  auto* const generate = add_product(
      command, "--generate", bench.generate,
      "no load: print a policy, the same for postfwd, the worst policy, or requests: that match the policy, "
      "that match any line of it alike, that match none");
  command.add_option("--lines", bench.lines, "access lines of that policy (100)")
      ->check(CLI::Range(1, 10'000'000))->needs(generate);
  command.add_flag("--inline", is_inline,
                   "no network: parse and decide requests with the policy, and say what each costs");
  command.callback([&] {
    bench.floor_options.cpu = load.cpu;
    in_process.requests = load.requests;
    in_process.seed = load.seed;
    in_process.count = load.count;
    in_process.json = bench.json;
  });
}

// CLI11 takes a word that is no command for an argument too many, of which it says only that a command is missing.
std::string message_of(const CLI::App* app, const CLI::Error& problem) {
  const auto words = app->remaining();
  if (words.empty() || !app->get_subcommands().empty()) return CLI::FailureMessage::simple(app, problem);
  const auto& word = words.front();
  const auto text = fmt::format("unknown {} {}", word.starts_with('-') ? "option" : "command", in_quotes(word));
  return CLI::FailureMessage::simple(app, CLI::Error{"unknown", text});
}

int run(int argc, char** argv) {
  CLI::App app{"policymux answers Postfix's policy questions from a policy.conf"};
  app.name("policymux");
  app.require_subcommand(1);
  app.failure_message(message_of);
  app.set_version_flag("--version", "policymux " POLICYMUX_VERSION);

  ConfigArguments config;
  ServeOptions serve_options;
  auto& serving = add_command(app, config, "serve", "answer Postfix until told to stop");
  serving.add_flag("--daemon", serve_options.background, "into the background, once all is well");
  serving.add_option("--pid-file", serve_options.pid_file, "write the process number there");

  // Only to be listed: see spawn_main().
  app.add_subcommand("spawn", "answer one client on standard input and output, or do what hapolicy does");

  CheckOptions check_options;
  auto& checking = add_command(app, config, "check", "read the configuration and tell every mistake and every doubt");
  checking.add_flag("--dump", check_options.dump, "print every setting of main.conf");
  checking.add_flag("--dump-policy", check_options.dump_policy, "print the policy as it was understood and compiled");

  ExplainOptions explain_options;
  auto& explaining =
      add_command(app, config, "explain", "show for each access line why it did or did not decide a request");
  explaining.add_option("FILE", explain_options.files, "requests as Postfix sends them; none: from stdin");

  explaining.add_flag("--json", explain_options.json, "one JSON object a request, each in a line of its own");

  QueryOptions query_options;
  auto& querying = add_command(app, config, "query",
                               "send one request to a running server, or to a plug-in, and print its answer");
  auto* const server = add_endpoint(querying, "--server", query_options.server,
                                    "inet:host:port or unix:path (the first listener of main.conf)");
  querying.add_option("--plugin", query_options.plugin,
                      "run this command, as exec: in main.conf does but from the current directory, and ask it instead")
      ->excludes(server);
  add_duration(querying, "--timeout", query_options.timeout, "how long to wait");
  querying.add_option("NAME=VALUE", query_options.attributes, "attributes of the request; none: a request from stdin")
      ->check([](const std::string& text) {
        const auto equals = text.find('=');
        return equals == 0 || equals == text.npos || text.find('\n') != text.npos ? "want name=value: " + text
                                                                                  : std::string{};
      });

  CtlOptions ctl_options;
  auto& controlling = add_command(app, config, "ctl", "ask a running daemon about itself");
  controlling.add_option("COMMAND", ctl_options.command, "services: their health, requests, errors, latency, queues")
      ->required()
      ->check(CLI::IsMember({"services"}));
  controlling.add_option("--socket", ctl_options.socket, "the control socket (admin.socket of main.conf)");
  add_duration(controlling, "--timeout", ctl_options.timeout, "how long to wait");
  controlling.add_flag("--json", ctl_options.json, "one JSON object");

  BenchOptions bench_options;
  InlineBenchOptions inline_options;
  bool is_inline = false;
  add_bench(app, bench_options, inline_options, is_inline, config);
  add_command(app, config, "version", "print the version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : wrong_usage;
  }
  const auto& command = app.get_subcommands().front()->get_name();
  if (command == "serve") return serve_options.origins = config.origins(), serve(serve_options);
  if (command == "check") return check_options.origins = config.origins(), check(check_options);
  if (command == "explain") return explain_options.origins = config.origins(), explain(explain_options);
  if (command == "query") return query_options.origins = config.origins(), query(query_options);
  if (command == "ctl") return ctl_options.origins = config.origins(), ctl(ctl_options);
  if (command == "bench" && is_inline) return inline_options.origins = config.origins(), inline_bench(inline_options);
  if (command == "bench") return bench_main(bench_options);
  fmt::print("policymux {}\n", POLICYMUX_VERSION);
  return 0;
}

}  // namespace
}  // namespace policymux

int main(int argc, char** argv) {
  if (policymux::is_spawn(argc, argv)) return policymux::spawn_main(argc, argv);
  try {
    const int status = policymux::run(argc, argv);
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
    fmt::print(stderr, "policymux: the output could not be written\n");
  } catch (const std::system_error& problem) {  // from fmt::print()
    fmt::print(stderr, "policymux: {}\n", problem.what());
  }
  return 1;
}
