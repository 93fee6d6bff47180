using System.Collections.Immutable;
using System.Threading.Channels;
using Culvert.Controller.Progress;
using Culvert.Controller.Schema;
using Culvert.Controller.Statuses;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>
/// The objects of a cluster. What the server tells is collected in the order in which it comes, and all that waits is one batch; nothing comes into force before every kind was listed, and what can't be
/// watched for a while stays as it was told last.
/// </summary>
internal sealed class KubernetesSource : IObjectSource
{
    // So that one batch does not grow for as long as changes come faster than they are taken up.
    private const int MostOfABatch = 10_000;
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(5);

    private readonly IKubernetesClient _client;
    private readonly KubernetesStatus _status;
    private readonly MeshProgress _progress;
    private readonly ReflectorOptions _reflector;
    private readonly KubernetesMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Func<ValueTask> _disposeClients;
    private readonly Channel<Action> _posted = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private readonly PendingChanges _changes = new();
    private readonly ImmutableArray<IKindWatch> _watches;
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private ImmutableArray<SourceError> _troubles = [];
    private ImmutableSortedDictionary<string, ulong> _marks = ImmutableSortedDictionary.Create<string, ulong>(StringComparer.Ordinal);
    private bool _isSynced;
    private bool _tellAll;

    /// <param name="name">What the cluster is called in messages.</param>
    /// <param name="client">For lists and watches.</param>
    /// <param name="status">Where statuses go.</param>
    /// <param name="progress">Is told up to which versions what was told is in force.</param>
    /// <param name="reflector">How patiently objects are kept up to date.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said what is wrong.</param>
    /// <param name="disposeClients">Called once when all has ended.</param>
    public KubernetesSource(
        string name, IKubernetesClient client, KubernetesStatus status, MeshProgress progress, ReflectorOptions reflector, KubernetesMetrics metrics, TimeProvider time, ILogger<KubernetesSource> logger, Func<ValueTask> disposeClients)
    {
        (Name, _client, _status, _progress, _reflector, _metrics, _time, _logger, _disposeClients) = (name, client, status, progress, reflector, metrics, time, logger, disposeClients);
        IEnumerable<IKindWatch> documents = ApiKind.All.Select(k => new KindWatch<ApiDocument>(k.Type, new DocumentTable(k, _changes, status), Post, k.IsCustom));
        KindWatch<V1CustomResourceDefinition>? definitions = null;
        OptionalKindWatch[] optional = [.. OptionalKind.All.Select(k => new OptionalKindWatch(k, () => definitions!.IsListed, _changes, status, Post))];
        definitions = new(KnownResources.CustomResourceDefinitions, new DefinitionTable(optional), Post);
        _watches = [.. documents, new KindWatch<V1Pod>(KnownResources.Pods, new PodTable(_changes), Post), definitions, .. optional];
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public IStatusSink Status => _status;

    /// <summary>Begins to watch; returns at once, since nobody knows when the server answers.</summary>
    public void Start(IObjectSink sink) => _running = Task.WhenAll(
        [Task.Run(() => TellAsync(sink)), _status.RunAsync(_stop.Token), .. _watches.Select(w => Task.Run(() => w.RunAsync(_client, _reflector, _metrics, _time, _logger, _stop.Token)))]);

    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested) return;
        await _stop.CancelAsync();
        _posted.Writer.TryComplete();
        await _running;
        _stop.Dispose();
        await _disposeClients();
    }

    private void Post(Action change) => _posted.Writer.TryWrite(change);

    private async Task TellAsync(IObjectSink sink)
    {
        while (await _posted.Reader.WaitToReadAsync())
        {
            for (int taken = 0; taken < MostOfABatch && _posted.Reader.TryRead(out Action? change); taken++) Take(change);
            if (_stop.IsCancellationRequested) continue;
            try
            {
                Tell(sink);
                TellProgress();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // A bug in what listens must not end it: all is told anew, and not before a while, since it may fail again.
                _tellAll = true;
                KubernetesLog.NotTaken(_logger, e, Name);
                _ = Task.Delay(RetryDelay, _time, _stop.Token).ContinueWith(_ => Post(() => { }), TaskScheduler.Default);
            }
        }
    }

    private void TellProgress()
    {
        ImmutableSortedDictionary<string, ulong> marks = _watches.Where(w => w.HasConditions).ToImmutableSortedDictionary(w => w.Resource, w => w.Mark, StringComparer.Ordinal);
        if (marks.SequenceEqual(_marks)) return;
        _marks = marks;
        _progress.Read(marks);
    }

    /// <summary>A bug in reading what the server told of a kind must not end what is told of all others: its objects stay as they were.</summary>
    private void Take(Action change)
    {
        try
        {
            change();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            KubernetesLog.NotRead(_logger, e, Name);
        }
    }

    private void Tell(IObjectSink sink)
    {
        bool isSynced = _isSynced || _watches.All(w => w.IsListed || !w.Counts);
        ImmutableArray<SourceError> troubles = [.. KubernetesTroubles.Of(_watches, isSynced)];
        if (!_tellAll && _changes.Count == 0 && isSynced == _isSynced && troubles.SequenceEqual(_troubles)) return;
        ImmutableArray<ObjectChange> changes = _changes.Take();
        bool tellAll = _tellAll;
        _tellAll = true;
        sink.Apply(tellAll
            ? new([.. _watches.SelectMany(w => w.Declarations).Select(ObjectChange.Declared)]) { Replaces = "", IsSynced = isSynced, Troubles = troubles }
            : new(changes) { IsSynced = isSynced, Troubles = troubles });
        if (isSynced && !_isSynced) KubernetesLog.Synced(_logger, Name, _watches.Count(w => w.IsThere));
        (_tellAll, _isSynced, _troubles) = (false, isSynced, troubles);
    }
}
