using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Tests.Support;

/// <summary>Objects of one kind that a test tells as it likes: each list and each watch takes the next answer.</summary>
internal sealed class FakeClient<T>(ResourceType<T> type) : IResourceClient<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly Channel<Func<ResourcePage<T>>> _lists = Channel.CreateUnbounded<Func<ResourcePage<T>>>();
    private readonly Channel<Channel<WatchEvent<T>>> _watches = Channel.CreateUnbounded<Channel<WatchEvent<T>>>();
    private readonly Channel<ListOptions> _asked = Channel.CreateUnbounded<ListOptions>();

    public ResourceType<T> Type => type;

    internal void NextList(Func<ResourcePage<T>> answer) => _lists.Writer.TryWrite(answer);

    internal void NextList(string version, params T[] items) => NextList(() => new() { Items = items, ResourceVersion = version });

    internal Channel<WatchEvent<T>> NextWatch()
    {
        Channel<WatchEvent<T>> events = Channel.CreateUnbounded<WatchEvent<T>>();
        _watches.Writer.TryWrite(events);
        return events;
    }

    /// <summary>Waits for the next list or watch.</summary>
    internal async Task<ListOptions> AskedAsync() => await Soon.Ends(_asked.Reader.ReadAsync().AsTask());

    public async Task<ResourcePage<T>> ListPageAsync(ListOptions options, CancellationToken cancellationToken)
    {
        _asked.Writer.TryWrite(options);
        return (await _lists.Reader.ReadAsync(cancellationToken))();
    }

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync(WatchOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        _asked.Writer.TryWrite(options);
        Channel<WatchEvent<T>> events = await _watches.Reader.ReadAsync(cancellationToken);
        yield return new(WatchEventType.Opened, options.ResourceVersion ?? "", null);
        await foreach (WatchEvent<T> change in events.Reader.ReadAllAsync(cancellationToken)) yield return change;
    }

    public Task<T> GetAsync(ResourceName name, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<T> CreateAsync(T item, WriteOptions? options, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<T> UpdateAsync(T item, WriteOptions? options, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<T> ApplyAsync(ResourceName name, ReadOnlyMemory<byte> document, ApplyOptions options, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<T> PatchAsync(ResourceName name, Patch patch, PatchOptions? options, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task DeleteAsync(ResourceName name, DeleteOptions? options, CancellationToken cancellationToken) => throw new NotSupportedException();
}
