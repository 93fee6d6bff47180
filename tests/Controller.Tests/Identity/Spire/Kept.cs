using System.Collections.Concurrent;
using Culvert.Controller.Identity.Spire;
using Culvert.Controller.Identity.Spire.Entries;
using Culvert.Protocol;
using Culvert.Protocol.SpireTypes;
using Culvert.Tests.Shared;
using Culvert.Tests.Shared.Spire;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Tests.Identity.Spire;

/// <summary>Entries that one controller keeps at a server that stands in for SPIRE, by a clock that the test moves.</summary>
internal sealed class Kept : IAsyncDisposable
{
    public const string Prefix = "culvert.testing.";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly bool _ownsSpire;
    private readonly SpireServer _server;
    private readonly CancellationTokenSource _leading = new();
    private Task _running = Task.CompletedTask;

    private Kept(StandInSpire spire, bool ownsSpire, Func<SpireEntryOptions, SpireEntryOptions> change)
    {
        (Spire, _ownsSpire) = (spire, ownsSpire);
        Assert.True(SpiffeEndpoint.TryParse("unix://" + spire.ServerSocket, out SpiffeEndpoint? socket, out string? error), error);
        LineLogger logger = new(Said, LogLevel.Information);

        // Deadlines are by the same clock, which a test does not move back.
        _server = new(new() { Socket = socket, Deadline = TimeSpan.FromMinutes(5) }, Time, logger);
        Options = change(SomeOptions());
        Keeper = new(_server, World, Options, Metrics, Time, logger);
    }

    public StandInSpire Spire { get; }

    public StandInEntries Entries => Spire.Entries;

    public FakeWorld World { get; } = new();

    public ManualTime Time { get; } = new(DateTimeOffset.UtcNow);

    public ConcurrentQueue<string> Said { get; } = new();

    public SpireEntryOptions Options { get; }

    public EntryMetrics Metrics { get; } = new();

    public EntryKeeper Keeper { get; }

    /// <summary>The server's entries of this mesh.</summary>
    public IReadOnlyList<Entry> Own => [.. Entries.All.Where(e => e.Id.StartsWith(Prefix, StringComparison.Ordinal))];

    public static SpireEntryOptions SomeOptions() => new()
    {
        Mesh = "testing",
        TrustDomain = StandInSpire.TrustDomain,
        Parent = Template($"spiffe://{StandInSpire.TrustDomain}/spire/agent/k8s_psat/c/{{node.uid}}", EntryTemplate.NodeName, EntryTemplate.NodeUid),
        Selectors = [.. SelectorTemplate.Default.Select(Selector)],
        Gathering = TimeSpan.Zero,
    };

    public static EntryTemplate OfIdentity(string text) => Template(text, EntryTemplate.Namespace, EntryTemplate.ServiceAccount);

    public static SelectorTemplate Selector(string text) => new(text.Split(':')[0], OfIdentity(text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..]));

    public static async Task<Kept> CreateAsync(Func<SpireEntryOptions, SpireEntryOptions>? change = null) => new(await StandInSpire.StartAsync(), ownsSpire: true, change ?? (o => o));

    /// <summary>Another controller beside one.</summary>
    public static Kept Beside(Kept other, Func<SpireEntryOptions, SpireEntryOptions>? change = null) => new(other.Spire, ownsSpire: false, change ?? (o => o));

    /// <summary>Leads from now on.</summary>
    public void Begin() => _running = Keeper.RunAsync(_leading.Token);

    /// <summary>Leads from now on; returns how entries are after the first pass.</summary>
    public Task<EntryStatus> LeadAsync() => AfterAsync(Begin);

    /// <summary>Leads no more.</summary>
    public async Task ResignAsync()
    {
        await _leading.CancelAsync();
        await _running.WaitAsync(Patience);
    }

    /// <summary>Does something and returns how entries are after the next pass.</summary>
    public async Task<EntryStatus> AfterAsync(Action act)
    {
        TaskCompletionSource<EntryStatus> passed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        void Take(EntryStatus status) => passed.TrySetResult(status);
        Keeper.Passed += Take;
        try
        {
            act();
            return await passed.Task.WaitAsync(Patience);
        }
        finally
        {
            Keeper.Passed -= Take;
        }
    }

    /// <summary>Lets time pass until the keeper comes back by itself, and returns how entries are then.</summary>
    public async Task<EntryStatus> AfterAsync(TimeSpan time)
    {
        await Time.TimersAsync(1);
        return await AfterAsync(() => Time.Advance(time));
    }

    /// <summary>What was said that has a part.</summary>
    public IReadOnlyList<string> SaidOf(string part) => [.. Said.Where(l => l.Contains(part, StringComparison.Ordinal))];

    /// <summary>Forgets the calls that came.</summary>
    public void ForgetCalls() => Entries.Calls.Clear();

    public async ValueTask DisposeAsync()
    {
        await Keeper.DisposeAsync();
        await _server.DisposeAsync();
        Metrics.Dispose();
        _leading.Dispose();
        if (_ownsSpire) await Spire.DisposeAsync();
    }

    private static EntryTemplate Template(string text, params string[] known)
    {
        Assert.True(EntryTemplate.TryParse(text, known, out EntryTemplate? template, out string? error), error);
        return template;
    }
}
