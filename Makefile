# Every verb first installs what it needs (eng/setup.sh).
.DEFAULT_GOAL := help
.PHONY: help setup setup-kernels build plugin cli release images demo test test-attacks test-coexist test-cluster fuzz soak bench bench-scale lint clean test-kernels

CONFIGURATION ?= Release
DOTNET_BUILD := eng/dotnet-build.sh -c $(CONFIGURATION)
# Compiled in tiers: a short run spends a third less CPU time on the compiler. A node's agent is native (make cli).
TIERS := DOTNET_TieredCompilation=1 DOTNET_TieredPGO=0

help: ## Show the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Install missing packages (Debian, Ubuntu), or say which are missing
	@eng/setup.sh

setup-kernels:
	@eng/setup.sh kernels

build: setup ## Build the BPF programs and the whole solution
	@eng/build-bpf.sh
	@$(DOTNET_BUILD) Culvert.slnx

cli: ## Compile command line, agent and controller to native programs in artifacts/cli (ARCHITECTURES="amd64 arm64" for others than this machine's)
	@eng/setup.sh build $(ARCHITECTURES:%=native-%)
	@for architecture in $(or $(ARCHITECTURES),""); do eng/build-cli.sh $$architecture || exit 1; done

images: ## Build the images of agent and controller as OCI archives, artifacts/images/culvert-*.tar, without a registry (root; ARCHITECTURES as for cli)
	@eng/setup.sh images $(ARCHITECTURES:%=images-%)
	@ARCHITECTURES="$(ARCHITECTURES)" eng/build-images.sh

release: ## Pack native programs and their debug symbols into archives in artifacts/release (ARCHITECTURES as for cli)
	@eng/setup.sh build $(ARCHITECTURES:%=native-%)
	@ARCHITECTURES="$(ARCHITECTURES)" eng/build-release.sh

plugin: ## Compile the CNI plugin to one native program, artifacts/cni/culvert-cni
	@eng/setup.sh build
	@eng/build-plugin.sh

# Without analyzers, which take most of an ordinary build's time; beside that build, which must not miss their warnings.
demo: ## Show the mesh at work on this machine: two nodes as network namespaces (root)
	@eng/setup.sh demo
	@eng/build-bpf.sh
	@$(DOTNET_BUILD) src/Cli --artifacts-path artifacts/demo -p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false -p:GenerateDocumentationFile=false
	@$(TIERS) artifacts/demo/bin/Culvert.Cli/$(shell echo $(CONFIGURATION) | tr A-Z a-z)/culvert demo $(ARGS)

test: setup ## Build, run every test, end with the line "N passed, N failed" (root; TESTS="GrpcHosting.Tests …" for some)
	@CONFIGURATION=$(CONFIGURATION) eng/run-tests.sh $(TESTS)

test-attacks: setup ## Run only the tests that attack, exhaust or kill something (root)
	@CONFIGURATION=$(CONFIGURATION) TEST_FILTER="--filter-trait Category=Attack" eng/run-tests.sh $(TESTS)

test-coexist: setup ## Run only the tests beside rules of others: CNIs, kube-proxy, policy engines (root)
	@CONFIGURATION=$(CONFIGURATION) TEST_FILTER="--filter-namespace Culvert.SystemTests.Coexist" eng/run-tests.sh System.Tests

test-cluster: setup ## Run only the tests on a real cluster: two nodes with kubelet and containerd (root; KUBERNETES=DIR for programs of your own)
	@CONFIGURATION=$(CONFIGURATION) eng/run-tests.sh Cluster.Tests

fuzz: setup ## Random packets, policies and bytes against the datapath and every parser (root; SECONDS_EACH=60)
	@CONFIGURATION=$(CONFIGURATION) CULVERT_FUZZ_SECONDS=$(or $(SECONDS_EACH),60) TEST_FILTER="--filter-class *Fuzz*" eng/run-tests.sh $(TESTS)

soak: setup ## Minutes of load while routes, policies and certificates change each second (root; SECONDS=300, LIFETIME=5s)
	@CONFIGURATION=$(CONFIGURATION) CULVERT_SOAK_SECONDS=$(or $(SECONDS),300) CULVERT_SOAK_LIFETIME=$(or $(LIFETIME),5s) TEST_FILTER="--filter-class *SoakTests" eng/run-tests.sh System.Tests

test-kernels: setup-kernels ## Load the programs and pass a request under other kernels, in emulation
	@eng/build-bpf.sh
	@eng/test-kernels.sh $(ARGS)

bench: ## Measure the native programs against plain routing and nginx sidecars; writes artifacts/bench/results.json (root)
	@eng/setup.sh bench
	@eng/build-cli.sh
	@eng/dotnet-build.sh -c Release bench/Culvert.Bench
	@bench/Culvert.Bench/bin/Release/net10.0/culvert-bench --out artifacts/bench $(ARGS)

bench-scale: ## Measure the controller with 250, 500 and 1,000 simulated agents; writes artifacts/bench/results.json
	@eng/setup.sh build
	@eng/build-cli.sh
	@eng/dotnet-build.sh -c Release bench/Culvert.Bench
	@bench/Culvert.Bench/bin/Release/net10.0/culvert-bench --out artifacts/bench --only scale. $(ARGS)

lint: setup ## Check formatting, analyzers and generated code; changes nothing
	@eng/lint.sh

clean: ## Remove everything built
	@rm -rf artifacts
	@find src tests bench eng -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +
