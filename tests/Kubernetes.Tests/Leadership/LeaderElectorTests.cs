using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Leadership;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;

namespace Culvert.Kubernetes.Tests.Leadership;

/// <summary>Elections by a clock of the test.</summary>
public sealed class LeaderElectorTests : IAsyncDisposable
{
    private readonly FakeLeases _leases = new();
    private readonly ManualTime _time = new();
    private readonly KubernetesMetrics _metrics = new();
    private readonly List<Candidate> _candidates = [];

    public async ValueTask DisposeAsync()
    {
        foreach (Candidate candidate in _candidates)
        {
            await candidate.StopAsync();
            candidate.Dispose();
        }
        _metrics.Dispose();
    }

    [Fact]
    public async Task TheFirstLeadsAndRenews()
    {
        Candidate a = Stand("a");
        await a.LeadsAsync();
        Lease first = _leases.Lease!;
        Assert.Equal(("a", 15, 0), (first.Spec.HolderIdentity, first.Spec.LeaseDurationSeconds, first.Spec.LeaseTransitions));
        await MoveAsync(TimeSpan.FromMinutes(1), () => true);
        Assert.True(a.Elector.IsLeader);
        Assert.Equal("a", a.Elector.Leader);
        Assert.Equal(first.Spec.AcquireTime, _leases.Lease!.Spec.AcquireTime);
        Assert.True(_leases.Lease.Spec.RenewTime > first.Spec.RenewTime + TimeSpan.FromSeconds(50));
    }

    [Fact]
    public async Task WhoStopsGivesItUpAfterItsWorkHasEnded()
    {
        Candidate a = Stand("a", stubborn: true);
        await a.LeadsAsync();
        Task stopped = a.CancelAsync();
        await Soon.Ends(a.Told.Task);
        Assert.Equal("a", _leases.Lease!.Spec.HolderIdentity);
        Assert.False(stopped.IsCompleted);
        a.Finish.SetResult();
        await Soon.Ends(stopped);
        Assert.Equal("", _leases.Lease!.Spec.HolderIdentity);

        Candidate b = Stand("b");
        await b.LeadsAsync();
        Assert.Equal(("b", 1), (_leases.Lease!.Spec.HolderIdentity, _leases.Lease.Spec.LeaseTransitions));
    }

    [Fact]
    public async Task WhoCannotRenewStopsBeforeAnybodyElseBegins()
    {
        Candidate a = Stand("a");
        await a.LeadsAsync();
        Candidate b = Stand("b");
        await Soon.Holds("b has looked", () => b.Elector.Leader == "a");
        a.View.IsCut = true;
        bool both = false;
        await MoveAsync(TimeSpan.FromSeconds(60), () =>
        {
            both |= a.IsWorking && b.IsWorking;
            return !b.IsWorking;
        });
        await b.LeadsAsync();
        Assert.False(both);
        Assert.False(a.IsWorking);
        Assert.Equal(("b", 1), (_leases.Lease!.Spec.HolderIdentity, _leases.Lease.Spec.LeaseTransitions));
        // It stands again, and waits.
        a.View.IsCut = false;
        await MoveAsync(TimeSpan.FromSeconds(60), () => a.Elector.Leader != "b");
        Assert.True(b.IsWorking);
    }

    [Fact]
    public async Task ARequestThatHangsDoesNotKeepItLeading()
    {
        Candidate a = Stand("a");
        await a.LeadsAsync();
        a.View.Hangs = true;
        await MoveAsync(TimeSpan.FromSeconds(30), () => a.IsWorking);
        await Soon.Holds("its work has ended", () => !a.IsWorking);
        a.View.Hangs = false;
    }

    [Fact]
    public async Task AHoldersClockIsNotBelieved()
    {
        // By their clocks the lease ran out long ago, or runs for ever; what counts is that it changes.
        foreach (TimeSpan skew in (TimeSpan[])[TimeSpan.FromHours(-5), TimeSpan.FromHours(5)])
        {
            var leases = new FakeLeases();
            DateTimeOffset theirs = _time.GetUtcNow() + skew;
            Lease held = await leases.ViewOf().CreateAsync(new()
            {
                Metadata = new() { NamespaceProperty = "n", Name = "l" },
                Spec = new() { HolderIdentity = "z", LeaseDurationSeconds = 15, RenewTime = theirs, AcquireTime = theirs },
            }, null, default);
            var a = new Candidate("a", leases, _time, _metrics);
            _candidates.Add(a);
            await Soon.Holds("a has looked", () => a.Elector.Leader == "z");
            await MoveAsync(TimeSpan.FromSeconds(14), () => true);
            held = await leases.ViewOf().UpdateAsync(held with { Spec = held.Spec with { RenewTime = theirs + TimeSpan.FromSeconds(14) } }, null, default);
            await MoveAsync(TimeSpan.FromSeconds(14), () => true);
            Assert.False(a.IsWorking);
            await MoveAsync(TimeSpan.FromSeconds(60), () => !a.IsWorking);
            await a.LeadsAsync();
            await a.StopAsync();
        }
    }

    [Fact]
    public async Task WorkThatEndsOrFailsEndsTheElection()
    {
        var elector = new LeaderElector(_leases.ViewOf(), Options("a"), _metrics, _time, new RecordingLogger<LeaderElector>());
        await Soon.Ends(elector.RunAsync(_ => Task.CompletedTask, TestContext.Current.CancellationToken));
        Assert.Equal("", _leases.Lease!.Spec.HolderIdentity);
        await Assert.ThrowsAsync<InvalidDataException>(() => Soon.Ends(elector.RunAsync(_ => throw new InvalidDataException("x"), TestContext.Current.CancellationToken)));
        Assert.Equal("", _leases.Lease!.Spec.HolderIdentity);
    }

    [Fact]
    public async Task WhyItCannotStandIsSaidOnceUntilThatChangesWithTheRemedy()
    {
        const string failed = "Warning The lease n/l could not be got or renewed, which is tried again every 2 s: ";
        Candidate a = Stand("a", refusal: ApiFailure.NotFound);
        await SettleAsync();
        await MoveAsync(TimeSpan.FromSeconds(30), () => true);
        foreach (string verb in new[] { "create", "update" })
        {
            (a.View.Refusal, a.View.MissingVerb) = (ApiFailure.Forbidden, new(verb, "leases.coordination.k8s.io"));
            await MoveAsync(TimeSpan.FromSeconds(30), () => true);
        }
        a.View.IsCut = true;
        await MoveAsync(TimeSpan.FromSeconds(30), () => true);
        string[] wanted =
        [
            $"{failed}the namespace n has to be there; refused",
            $"{failed}the role lacks the verb create on leases.coordination.k8s.io; refused",
            $"{failed}the role lacks the verb update on leases.coordination.k8s.io; refused",
            $"{failed}cut",
        ];
        Assert.Equal(wanted, a.Lines);
        Assert.True(a.View.Requests > 30, "it is tried all the while");

        // What went well in between makes it news again.
        (a.View.IsCut, a.View.Refusal) = (false, null);
        await MoveAsync(TimeSpan.FromSeconds(30), () => !a.IsWorking);
        await a.LeadsAsync();
        await SettleAsync();
        a.View.IsCut = true;
        await MoveAsync(TimeSpan.FromSeconds(5), () => true);
        Assert.Equal([.. wanted, "Information a leads: it has the lease n/l.", $"{failed}cut"], a.Lines);
        a.View.IsCut = false;
    }

    [Fact]
    public async Task ALeaseThatIsTakenAwayMeanwhileIsNoMissingNamespace()
    {
        Candidate a = Stand("a");
        await a.LeadsAsync();
        await SettleAsync();
        a.View.Refusal = ApiFailure.NotFound;
        await MoveAsync(TimeSpan.FromSeconds(5), () => true);
        a.View.Refusal = null;
        await MoveAsync(TimeSpan.FromSeconds(30), () => true);
        Assert.True(a.IsWorking);
        Assert.Equal(["Information a leads: it has the lease n/l."], a.Lines);
    }

    [Theory]
    [InlineData(15, 15, 2)]
    [InlineData(15, 10, 9)]
    [InlineData(15, 10, 0)]
    public void TimesThatDoNotFitAreRefused(int lease, int deadline, int retry) =>
        Assert.ThrowsAny<ArgumentException>(() => new LeaderElector(_leases.ViewOf(), Options("a") with
        {
            LeaseDuration = TimeSpan.FromSeconds(lease),
            RenewDeadline = TimeSpan.FromSeconds(deadline),
            RetryPeriod = TimeSpan.FromSeconds(retry),
        }, _metrics, _time, new RecordingLogger<LeaderElector>()));

    private Candidate Stand(string identity, bool stubborn = false, ApiFailure? refusal = null)
    {
        var candidate = new Candidate(identity, _leases, _time, _metrics, stubborn, refusal);
        _candidates.Add(candidate);
        return candidate;
    }

    /// <summary>Moves the clock by a tenth of a second at a time, letting everybody come to rest in between, until so much has passed or a condition no longer holds.</summary>
    private async Task MoveAsync(TimeSpan by, Func<bool> condition)
    {
        for (TimeSpan moved = TimeSpan.Zero; moved < by && condition(); moved += TimeSpan.FromSeconds(0.1))
        {
            _time.Advance(TimeSpan.FromSeconds(0.1));
            await SettleAsync();
        }
    }

    // At rest each candidate waits by one timer, and a leader has another for the end of its term; a request that hangs has only the latter.
    private async Task SettleAsync()
    {
        await Soon.Holds("everybody waits", () => _candidates.Where(c => !c.HasEnded).All(c => c.IsAtRest));
    }

    private static LeaderElectionOptions Options(string identity) => new(new ResourceName("n", "l"), identity);

    /// <summary>A process that stands for election.</summary>
    private sealed class Candidate : IDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly TaskCompletionSource _leads = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly CountingTime _time;
        private readonly Task _run;
        private readonly bool _stubborn;
        private readonly RecordingLogger<LeaderElector> _logger = new();
        private volatile bool _isWorking;

        internal Candidate(string identity, FakeLeases leases, ManualTime time, KubernetesMetrics metrics, bool stubborn = false, ApiFailure? refusal = null)
        {
            View = leases.ViewOf();
            View.Refusal = refusal;
            _time = new(time);
            _stubborn = stubborn;
            Elector = new(View, Options(identity), metrics, _time, _logger);
            _run = Elector.RunAsync(WorkAsync, _stop.Token);
        }

        internal FakeLeases.View View { get; }

        internal LeaderElector Elector { get; }

        internal TaskCompletionSource Told { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal TaskCompletionSource Finish { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal IReadOnlyCollection<string> Lines => _logger.Lines;

        internal bool IsWorking => _isWorking;

        internal bool HasEnded => _run.IsCompleted;

        internal bool IsAtRest => Elector.IsLeader == _isWorking && (View.Hangs ? _time.Timers >= 0 : _time.Timers == (_isWorking ? 2 : 1));

        internal Task LeadsAsync() => Soon.Ends(_leads.Task);

        internal async Task CancelAsync()
        {
            await _stop.CancelAsync();
            await _run;
        }

        public void Dispose() => _stop.Dispose();

        internal async Task StopAsync()
        {
            Finish.TrySetResult();
            await Soon.Ends(CancelAsync());
        }

        private async Task WorkAsync(CancellationToken stop)
        {
            _isWorking = true;
            _leads.TrySetResult();
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, stop);
            }
            catch (OperationCanceledException)
            {
                Told.TrySetResult();
                if (_stubborn) await Finish.Task;
            }
            _isWorking = false;
        }
    }

    /// <summary>Knows how many timers one candidate has set.</summary>
    private sealed class CountingTime(ManualTime time) : TimeProvider
    {
        private readonly List<CountedTimer> _timers = [];

        public override long TimestampFrequency => time.TimestampFrequency;

        internal int Timers
        {
            get
            {
                lock (_timers) return _timers.Count(t => t.IsSet);
            }
        }

        public override DateTimeOffset GetUtcNow() => time.GetUtcNow();

        public override long GetTimestamp() => time.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new CountedTimer();
            lock (_timers) _timers.Add(timer);
            timer.Begin(time.CreateTimer(s =>
            {
                // Before what it sets off, so that nobody takes the pause in between for rest.
                timer.IsSet = false;
                callback(s);
            }, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan));
            timer.Change(dueTime, period);
            return timer;
        }

        private sealed class CountedTimer : ITimer
        {
            private ITimer? _inner;

            internal volatile bool IsSet;

            internal void Begin(ITimer inner) => _inner = inner;

            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                IsSet = dueTime != Timeout.InfiniteTimeSpan;
                return _inner!.Change(dueTime, period);
            }

            public void Dispose()
            {
                IsSet = false;
                _inner!.Dispose();
            }

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }
}
