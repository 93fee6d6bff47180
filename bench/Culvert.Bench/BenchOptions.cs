using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Culvert.Bench.Datagrams;
using Culvert.Bench.Identity;
using Culvert.Bench.Report;
using Culvert.Bench.Scale;
using Culvert.Labs;

namespace Culvert.Bench;

/// <summary>What a run measures and where it writes.</summary>
internal sealed record BenchOptions
{
    public const string Usage = """
        Usage: culvert-bench [options]

        Measures Culvert and its peers in one run, inside network namespaces of its own, and writes results.json. Needs root,
        but for the scale and identity rows alone (--only scale., --only identity.).

          --only NAME        measure only metrics whose name contains NAME (may be repeated)
          --rounds N         rounds per comparison, each measures both sides (1 to 50, default 5)
          --seconds N        seconds per side and round (1 to 60, default 3)
          --quick            2 rounds of 1 second: to see that it works, not to compare
          --peer-only        measure the peers alone
          --enforce          end with code 3 when a ratio that must be reached is missed
          --out DIR          folder for results.json, results.txt, machine.json (default artifacts/bench)
          --programs DIR     folder of the culvert-agent and culvert-controller to measure (default: artifacts/cli, unless that
                             is missing or older than its sources; then those built with the bench)
          --agent FILE       culvert-agent to measure, in place of that folder's
          --controller FILE  culvert-controller to run, in place of that folder's
          --datagrams LOAD   load of the udp rows: ports x bytes x burst x datagrams per second, as 32x128x16x400000
          --far-ms N         round trip time to the far node of bulk_rtt (2 to 1000, default 52)
          --far-loss N       percent of packets that its wire loses in each direction (1 to 50, default none)
          --scale-nodes N,N  sizes of the meshes of the scale rows, which are of the largest (10 to 5000 nodes, default 250,500,1000)
          --scale-changes N  changes of each kind in them (1 to 200, default 30)
          --identity-nodes N nodes of the identity rows, with 100 workloads each that come at once (2 to 1000, default 100)
          --hold             after measuring, leave both sides up until interrupted, to look at them
          --help             this text

        Example: culvert-bench --only cross_node --rounds 7
        """;

    public IReadOnlyList<string> Only { get; init; } = [];

    public int Rounds { get; init; } = 5;

    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Load on each side before the rounds: long enough for the runtime to have compiled what is hot.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(3);

    public bool PeerOnly { get; init; }

    public bool Enforce { get; init; }

    public bool Hold { get; init; }

    public bool Help { get; init; }

    /// <summary>Load of the udp rows in place of their own; null for their own.</summary>
    public FloodShape? Datagrams { get; init; }

    /// <summary>The wire to the far node; 52 ms there and back is between two coasts, or Europe's south and north.</summary>
    public LabWireOptions FarWire { get; init; } = new() { Delay = TimeSpan.FromMilliseconds(26) };

    /// <summary>Nodes of each mesh of the scale rows.</summary>
    public IReadOnlyList<int> ScaleNodes { get; init; } = [250, 500, 1000];

    /// <summary>Changes of each kind in the scale rows.</summary>
    public int ScaleChanges { get; init; } = 30;

    /// <summary>Nodes of the identity rows.</summary>
    public int IdentityNodes { get; init; } = 100;

    public string OutputFolder { get; init; } = Path.Combine("artifacts", "bench");

    /// <summary>Folder of both programs, which <see cref="Agent"/> and <see cref="Controller"/> override.</summary>
    public string Programs { get; init; } = AppContext.BaseDirectory;

    [field: MaybeNull]
    public string Agent { get => field ?? Path.Combine(Programs, ProgramFile.Agent); init; }

    [field: MaybeNull]
    public string Controller { get => field ?? Path.Combine(Programs, ProgramFile.Controller); init; }

    /// <summary>Whether a metric of this name is wanted.</summary>
    public bool Wants(string metric) => Only.Count == 0 || Only.Any(o => metric.Contains(o, StringComparison.Ordinal));

    /// <summary>Whether anything is wanted that needs the labs, and not the controller alone.</summary>
    public bool WantsLabs => Only.Count == 0 || Only.Any(o => !o.StartsWith(ScaleBench.Prefix, StringComparison.Ordinal) && !o.StartsWith(IdentityBench.Prefix, StringComparison.Ordinal));

    /// <summary>Whether any of the scale rows is wanted; they have no peers but budgets.</summary>
    public bool WantsScale => !PeerOnly && ScaleBench.Metrics.Any(m => Wants(m.Name));

    /// <summary>Whether any of the identity rows is wanted; their peers are no other mesh, and not measured alone.</summary>
    public bool WantsIdentity => !PeerOnly && IdentityBench.Names.Any(Wants);

    /// <param name="args">The arguments.</param>
    /// <param name="root">The source tree whose published programs are the default.</param>
    /// <exception cref="ArgumentException">An option is unknown, lacks its value, or the value is out of range.</exception>
    public static BenchOptions Parse(IReadOnlyList<string> args, string root = ".")
    {
        BenchOptions options = new() { Programs = ProgramFile.PublishedFolder(root) ?? AppContext.BaseDirectory };
        for (int i = 0; i < args.Count; i++)
        {
            string option = args[i];
            string Value() => ++i < args.Count ? args[i] : throw new ArgumentException($"{option} lacks its value.");
            int Whole(string text, int max, int min) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n >= min && n <= max
                ? n : throw new ArgumentException($"{option} takes a whole number from {min} to {max}, not \"{text}\".");
            int Number(int max, int min = 1) => Whole(Value(), max, min);
            options = option switch
            {
                "--only" => options with { Only = [.. options.Only, Value()] },
                "--rounds" => options with { Rounds = Number(50) },
                "--seconds" => options with { Duration = TimeSpan.FromSeconds(Number(60)) },
                "--quick" => options with { Rounds = 2, Duration = TimeSpan.FromSeconds(1), WarmUp = TimeSpan.FromSeconds(1) },
                "--peer-only" => options with { PeerOnly = true },
                "--enforce" => options with { Enforce = true },
                "--datagrams" => options with { Datagrams = FloodShape.Parse(Value()) },
                "--far-ms" => options with { FarWire = options.FarWire with { Delay = TimeSpan.FromMilliseconds(Number(1000, 2) / 2) } },
                "--far-loss" => options with { FarWire = options.FarWire with { Loss = Number(50) / 100.0 } },
                "--scale-nodes" => options with { ScaleNodes = [.. Value().Split(',').Select(n => Whole(n, 5000, 10))] },
                "--scale-changes" => options with { ScaleChanges = Number(200) },
                "--identity-nodes" => options with { IdentityNodes = Number(1000, 2) },
                "--hold" => options with { Hold = true },
                "--out" => options with { OutputFolder = Value() },
                "--programs" => options with { Programs = Value() },
                "--agent" => options with { Agent = Value() },
                "--controller" => options with { Controller = Value() },
                "--help" or "-h" => options with { Help = true },
                _ => throw new ArgumentException($"Unknown option {option}; see --help."),
            };
        }
        return options;
    }
}
