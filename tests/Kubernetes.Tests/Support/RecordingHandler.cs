using System.Threading.Channels;
using Culvert.Kubernetes.Informers;
using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Tests.Support;

/// <summary>Keeps what it is told, for a test to wait for.</summary>
internal sealed class RecordingHandler<T> : IResourceHandler<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly Channel<string> _told = Channel.CreateUnbounded<string>();

    public void Added(T item) => Tell($"+{item.Metadata.Name}");

    public void Updated(T before, T item) => Tell($"~{item.Metadata.Name}");

    public void Deleted(T item) => Tell($"-{item.Metadata.Name}");

    public void Unreadable(UnreadableObject item) => Tell($"?{item.Metadata.Name}");

    public void Synced() => Tell("synced");

    internal async Task<string> NextAsync() => await Soon.Ends(_told.Reader.ReadAsync().AsTask());

    internal async Task<string[]> NextAsync(int count)
    {
        var told = new List<string>();
        while (told.Count < count) told.Add(await NextAsync());
        return [.. told];
    }

    /// <summary>Passes over all until this one.</summary>
    internal async Task UntilAsync(string what)
    {
        while (await NextAsync() != what)
        {
        }
    }

    private void Tell(string what) => _told.Writer.TryWrite(what);
}
