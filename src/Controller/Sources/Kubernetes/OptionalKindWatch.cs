using System.Threading.Channels;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>
/// The watch of a kind that a cluster need not have, in a version that the server has. Which these are the definitions of custom kinds say: an answer "not found" alone would not tell a kind that is not
/// installed from a server that has just started, and without its policies the mesh would be open. All but <see cref="RunAsync"/> is used by whoever runs what is posted.
/// </summary>
internal sealed class OptionalKindWatch(OptionalKind kind, Func<bool> definitionsAreListed, PendingChanges changes, ISeenObjects statuses, Action<Action> post) : IKindWatch
{
    private readonly Channel<KindWatch<ApiDocument>?> _wanted = Channel.CreateUnbounded<KindWatch<ApiDocument>?>(new UnboundedChannelOptions { SingleReader = true });
    private string? _version;
    private KindWatch<ApiDocument>? _watch;
    private DocumentTable? _table;

    /// <summary>Of the version before, until the objects are told in the new one.</summary>
    private DocumentTable? _left;

    /// <summary>The versions that the server has where none of them can be read; null where one can, and where the server does not have the kind.</summary>
    private IReadOnlyCollection<string>? _unknown;

    public OptionalKind Kind => kind;

    public string Resource => kind.FullName;

    public string Place => _watch?.Place ?? $"/apis/{kind.Group}/{kind.Versions[0]}/{kind.Plural}";

    public bool IsThere => _watch is not null;

    public bool Counts => kind.Counts;

    public bool IsListed => definitionsAreListed() && (_watch is { } watch ? watch.IsListed : _unknown is null || !kind.Closes);

    public ulong Mark => _watch?.Mark ?? 0;

    public string? Unwatchable => _unknown is null ? null : $"it is served in {(_unknown.Count > 0 ? string.Join(", ", _unknown) : "no version")}, of which this controller reads {string.Join(", ", kind.Versions)}: upgrade the one or the other";

    public ApiException? Trouble => _unknown is null ? _watch?.Trouble : null;

    public IEnumerable<Declaration> Declarations => (_left?.Declarations ?? []).Concat(_table?.Declarations ?? []);

    /// <summary>Takes note of the versions that the server has. Where none can be read, what was read before stays.</summary>
    public void Serve(IReadOnlyCollection<string> served)
    {
        // The one in use stays while it is served: another one is another path for each object.
        string? version = _version is not null && served.Contains(_version) ? _version : kind.Versions.FirstOrDefault(served.Contains);
        _unknown = version is null ? served : null;
        if (version is null || version == _version) return;
        if (_watch?.IsListed == false && _left is not null)
        {
            Drop(_table); // what the one before has told is more than what this one has
        }
        else
        {
            Drop(_left);
            _left = _table;
        }
        Begin(version);
    }

    /// <summary>Takes note that the server does not have the kind; its objects are gone.</summary>
    public void TakeAway()
    {
        Drop(_left);
        Drop(_table);
        (_left, _table, _version, _watch, _unknown) = (null, null, null, null, null);
        _wanted.Writer.TryWrite(null);
    }

    public async Task RunAsync(IKubernetesClient client, ReflectorOptions options, KubernetesMetrics metrics, TimeProvider time, ILogger logger, CancellationToken stop)
    {
        CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task running = Task.CompletedTask;
        try
        {
            await foreach (KindWatch<ApiDocument>? wanted in _wanted.Reader.ReadAllAsync(stop))
            {
                await ending.CancelAsync();
                await running;
                ending.Dispose();
                ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
                running = wanted is null ? Task.CompletedTask : TellFaultAsync(wanted.RunAsync(client, options, metrics, time, logger, ending.Token));
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await running;
        }
        finally
        {
            ending.Dispose();
        }
    }

    // A fault of the watch is this one's, too, at once and not when the next version is served.
    private async Task TellFaultAsync(Task running)
    {
        try
        {
            await running;
        }
        catch (Exception e)
        {
            _wanted.Writer.TryComplete(e);
            throw;
        }
    }

    private void Begin(string version)
    {
        ApiKind inVersion = kind.In(version);
        DocumentTable table = new(inVersion, changes, statuses);
        KindWatch<ApiDocument>? watch = null;
        watch = new(inVersion.Type, table, change => post(() =>
        {
            // What a watch has told that has been given up meanwhile counts no more.
            if (_watch != watch) return;
            change();
            if (!watch!.IsListed) return;
            Drop(_left);
            _left = null;
        }), inVersion.IsCustom);
        (_version, _table, _watch) = (version, table, watch);
        _wanted.Writer.TryWrite(watch);
    }

    private static void Drop(DocumentTable? table)
    {
        foreach (ResourceName name in table?.Names.ToArray() ?? []) table!.Remove(name);
    }
}
