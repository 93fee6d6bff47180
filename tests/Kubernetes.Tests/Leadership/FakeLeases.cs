using System.Globalization;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;

namespace Culvert.Kubernetes.Tests.Leadership;

/// <summary>Leases as a server has them, with versions and conflicts; out of reach for whom a test says.</summary>
internal sealed class FakeLeases
{
    private readonly Lock _lock = new();
    private Lease? _lease;
    private int _version;

    internal Lease? Lease
    {
        get
        {
            lock (_lock) return _lease;
        }
    }

    internal View ViewOf() => new(this);

    private Lease Write(Lease lease, bool isNew)
    {
        lock (_lock)
        {
            if (isNew && _lease is not null) throw new ApiException(ApiFailure.AlreadyExists, "there");
            if (!isNew && _lease?.Metadata.ResourceVersion != lease.Metadata.ResourceVersion) throw new ApiException(ApiFailure.Conflict, "changed");
            return _lease = lease with { Metadata = lease.Metadata with { ResourceVersion = (++_version).ToString(CultureInfo.InvariantCulture) } };
        }
    }

    /// <summary>The leases as one process sees them.</summary>
    internal sealed class View(FakeLeases leases) : IResourceClient<Lease>
    {
        private int _requests;

        internal bool IsCut { get; set; }

        internal bool Hangs { get; set; }

        /// <summary>Why what is written is refused; null when it is not.</summary>
        internal ApiFailure? Refusal { get; set; }

        /// <summary>The verb that is lacking, where that is why.</summary>
        internal MissingVerb? MissingVerb { get; set; }

        internal int Requests => Volatile.Read(ref _requests);

        public ResourceType<Lease> Type => KnownResources.Leases;

        public async Task<Lease> GetAsync(ResourceName name, CancellationToken cancellationToken)
        {
            await ReachAsync(cancellationToken);
            return leases.Lease ?? throw new ApiException(ApiFailure.NotFound, "none");
        }

        public async Task<Lease> CreateAsync(Lease item, WriteOptions? options, CancellationToken cancellationToken)
        {
            await ReachAsync(cancellationToken);
            if (Refusal is { } refusal) throw new ApiException(refusal, "refused") { MissingVerb = MissingVerb };
            return leases.Write(item, isNew: true);
        }

        public async Task<Lease> UpdateAsync(Lease item, WriteOptions? options, CancellationToken cancellationToken)
        {
            await ReachAsync(cancellationToken);
            if (Refusal is { } refusal) throw new ApiException(refusal, "refused") { MissingVerb = MissingVerb };
            return leases.Write(item, isNew: false);
        }

        public Task<ResourcePage<Lease>> ListPageAsync(ListOptions options, CancellationToken cancellationToken) => throw new NotSupportedException();

        public IAsyncEnumerable<WatchEvent<Lease>> WatchAsync(WatchOptions options, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<Lease> ApplyAsync(ResourceName name, ReadOnlyMemory<byte> document, ApplyOptions options, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<Lease> PatchAsync(ResourceName name, Patch patch, PatchOptions? options, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task DeleteAsync(ResourceName name, DeleteOptions? options, CancellationToken cancellationToken) => throw new NotSupportedException();

        private async Task ReachAsync(CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _requests);
            if (Hangs) await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            if (IsCut) throw new ApiException(ApiFailure.Unreachable, "cut");
        }
    }
}
