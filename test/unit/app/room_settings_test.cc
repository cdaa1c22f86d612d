#include "app/room_settings.h"

#include "support/catch.h"

using namespace policymux;

TEST_CASE("clients leave descriptors to services and workers, and have half of them at least") {
  Config config;
  CHECK(client_limit(config, 1 << 20) == config.main.max_connections);
  CHECK(client_limit(config, 4096) == 4064);
  config.services.push_back({.address = Endpoint{.host = "192.0.2.1", .port = 1}, .max_connections = 100});
  CHECK(client_limit(config, 4096) == 3964);
  config.services.push_back({.address = Config::Command{{"grey"}}, .workers = {.least = 1, .most = 10}});
  CHECK(client_limit(config, 4096) == 3904);
  CHECK(client_limit(config, 256) == 128);
  CHECK(client_limit(config, 1) == 1);
  config.main.max_connections = 50;
  CHECK(client_limit(config, 4096) == 50);
}
