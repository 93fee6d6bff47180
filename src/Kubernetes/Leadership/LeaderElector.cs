using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Leadership;

/// <summary>
/// Elects one of several processes by a lease. The leader's work is given a token that is cancelled <see cref="LeaderElectionOptions.RenewDeadline"/> after the last
/// renewal that went well was begun, which is before anybody else may take over, however slow the server or its answer is; work must end then, and must do nothing after it.
/// When the process is to stop, the lease is kept until the work has ended and then given up, so that the next need not wait.
/// </summary>
public sealed class LeaderElector
{
    /// <summary>Tries are up to so much further apart, at random.</summary>
    internal const double Jitter = 1.2;

    private readonly IResourceClient<Lease> _leases;
    private readonly LeaderElectionOptions _options;
    private readonly KubernetesMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Random _random;
    private readonly LeaseObservation _observation;
    private volatile string? _leader;
    private volatile bool _isLeader;

    /// <summary>Why tries fail at present, which is said once; null while they do not. Of the one that tries.</summary>
    private (ApiFailure Failure, MissingVerb? Missing)? _failure;

    /// <param name="leases">Where the lease is, by a client of its own: a renewal must not wait for other requests' rate limit.</param>
    /// <param name="options">Who stands.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For who leads.</param>
    /// <param name="random">For waits; null for one of its own.</param>
    /// <exception cref="ArgumentException">The times don't fit each other.</exception>
    public LeaderElector(IResourceClient<Lease> leases, LeaderElectionOptions options, KubernetesMetrics metrics, TimeProvider time, ILogger<LeaderElector> logger, Random? random = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        (_leases, _options, _metrics, _time, _logger, _random) = (leases, options, metrics, time, logger, random ?? Random.Shared);
        _observation = new(time);
    }

    /// <summary>Whether this one leads.</summary>
    public bool IsLeader => _isLeader;

    /// <summary>Who leads, as last seen; null for nobody or unknown.</summary>
    public string? Leader => _leader;

    /// <summary>Stands for election, works while it leads, and stands again when it has lost the lease.</summary>
    /// <param name="lead">The leader's work; its token is cancelled when it no longer leads. When it ends by itself, so does this.</param>
    /// <param name="cancellationToken">Ends it: the work first, then the lease.</param>
    /// <remarks>An exception of the work ends it as well, and is thrown.</remarks>
    public async Task RunAsync(Func<CancellationToken, Task> lead, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(lead);
        try
        {
            while (true)
            {
                long held = await AcquireAsync(cancellationToken);
                if (!await LeadAsync(lead, held, cancellationToken)) return;
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // As asked.
        }
    }

    /// <summary>Tries until it has the lease.</summary>
    /// <returns>When the try that went well was begun.</returns>
    private async Task<long> AcquireAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            long begun = _time.GetTimestamp();
            if (await TryAsync(cancellationToken) == true) return begun;
            await Task.Delay(_options.RetryPeriod * (1 + (_random.NextDouble() * (Jitter - 1))), _time, cancellationToken);
        }
    }

    /// <summary>Whether to stand again; false when all is over.</summary>
    private async Task<bool> LeadAsync(Func<CancellationToken, Task> lead, long held, CancellationToken cancellationToken)
    {
        var term = new LeaderTerm(_options, _time, held);
        await using (term)
        {
            if (term.IsOver) return true;
            using var working = CancellationTokenSource.CreateLinkedTokenSource(term.Token, cancellationToken);
            using var renewing = CancellationTokenSource.CreateLinkedTokenSource(term.Token);
            LeadershipLog.Elected(_logger, _options.Identity, _options.Lease.ToString());
            _metrics.Leading(_options.Lease.ToString(), 1);
            _isLeader = true;
            Task renewal = RenewAsync(term, renewing.Token);
            try
            {
                await Task.Run(() => lead(working.Token), CancellationToken.None);
            }
            catch (OperationCanceledException) when (working.IsCancellationRequested)
            {
                // It ended as it was told to.
            }
            finally
            {
                _isLeader = false;
                _metrics.Leading(_options.Lease.ToString(), -1);
                bool isLost = term.IsOver;
                await renewing.CancelAsync();
                await renewal;
                if (!isLost && !term.IsTaken) await ReleaseAsync();
                else LeadershipLog.Lost(_logger, _options.Identity, _options.Lease.ToString(), term.IsTaken ? $"'{_leader}' has it" : $"it could not be renewed for {_options.RenewDeadline.TotalSeconds:0.#} s");
            }
            return term.IsOver && !cancellationToken.IsCancellationRequested;
        }
    }

    private async Task RenewAsync(LeaderTerm term, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await Task.Delay(_options.RetryPeriod, _time, cancellationToken);
                long begun = _time.GetTimestamp();
                bool? result = await TryAsync(cancellationToken);
                if (result == true) term.Renewed(begun);
                if (result == false && _observation.Holder != _options.Identity)
                {
                    term.Taken();
                    return;
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The term is over.
        }
    }

    /// <summary>Gets or renews the lease.</summary>
    /// <returns>Whether it is held now; null where that is not known.</returns>
    private async Task<bool?> TryAsync(CancellationToken cancellationToken)
    {
        Lease? lease = null;
        try
        {
            lease = await _leases.FindAsync(_options.Lease, cancellationToken);
            if (lease is not null)
            {
                See(lease);
                if (_observation.Holder != _options.Identity && !_observation.IsFree(_options.LeaseDuration))
                {
                    _failure = null;
                    return false;
                }
            }
            Lease mine = Mine(lease);
            See(lease is null ? await _leases.CreateAsync(mine, null, cancellationToken) : await _leases.UpdateAsync(mine, null, cancellationToken));
            _failure = null;
            return true;
        }
        catch (ApiException e) when (e.Failure is ApiFailure.Conflict or ApiFailure.AlreadyExists || (e.Failure == ApiFailure.NotFound && lease is not null))
        {
            // Somebody else was faster, or took it away; the next look tells.
            return null;
        }
        catch (ApiException e)
        {
            if (_failure != (e.Failure, e.MissingVerb)) LeadershipLog.NotRenewed(_logger, _options.Lease.ToString(), _options.RetryPeriod.TotalSeconds, Remedy(e), e.Message);
            _failure = (e.Failure, e.MissingVerb);
            return null;
        }
    }

    // A lease that is not there is created, which needs its namespace.
    private string Remedy(ApiException e) => e.Failure == ApiFailure.NotFound ? $"the namespace {_options.Lease.Namespace} has to be there; " : MissingVerb.Remedy(e);

    private Lease Mine(Lease? lease)
    {
        DateTimeOffset now = _time.GetUtcNow();
        LeaseSpec before = lease?.Spec ?? new();
        bool isRenewal = before.HolderIdentity == _options.Identity;
        LeaseSpec spec = before with
        {
            HolderIdentity = _options.Identity,
            LeaseDurationSeconds = (int)Math.Ceiling(_options.LeaseDuration.TotalSeconds),
            AcquireTime = isRenewal ? before.AcquireTime : now,
            RenewTime = now,
            LeaseTransitions = (before.LeaseTransitions ?? 0) + (isRenewal || lease is null ? 0 : 1),
        };
        return (lease ?? new() { Metadata = new() { NamespaceProperty = _options.Lease.Namespace, Name = _options.Lease.Name } }) with { Spec = spec };
    }

    private async Task ReleaseAsync()
    {
        using var deadline = new CancellationTokenSource(_options.RenewDeadline, _time);
        try
        {
            Lease? lease = await _leases.FindAsync(_options.Lease, deadline.Token);
            if (lease is null || lease.Spec.HolderIdentity != _options.Identity) return;
            // An empty holder is free at once; the second is for those that look at the duration only.
            LeaseSpec free = lease.Spec with { HolderIdentity = "", LeaseDurationSeconds = 1, RenewTime = _time.GetUtcNow() };
            See(await _leases.UpdateAsync(lease with { Spec = free }, null, deadline.Token));
        }
        catch (Exception e) when (e is ApiException or OperationCanceledException)
        {
            LeadershipLog.NotReleased(_logger, _options.Lease.ToString(), e.Message);
        }
    }

    private void See(Lease lease)
    {
        _observation.See(lease.Spec);
        string? leader = _observation.Holder;
        if (leader is not null && leader != _leader && leader != _options.Identity) LeadershipLog.Seen(_logger, _options.Lease.ToString(), leader);
        _leader = leader;
    }
}
