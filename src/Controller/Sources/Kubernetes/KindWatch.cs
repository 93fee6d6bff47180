using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>
/// Keeps the table of a kind up to date. There is no cache of the API's objects besides: what they declare is all that is kept of them. What the server tells is taken up one after the other, with that of
/// other kinds, by whoever runs what is posted; all state is theirs.
/// </summary>
/// <param name="type">The kind.</param>
/// <param name="table">What is kept of its objects.</param>
/// <param name="post">Has something done by whoever runs what is posted.</param>
/// <param name="isCustom">Whether there is a CustomResourceDefinition of it.</param>
internal sealed class KindWatch<T>(ResourceType<T> type, IKindTable<T> table, Action<Action> post, bool isCustom = false) : IKindWatch, IReflectorSink<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    public string Resource => type.FullName;

    public string Place => type.CollectionPath("");

    public bool HasConditions => table.HasConditions;

    public bool IsListed { get; private set; }

    public ulong Mark { get; private set; }

    public ApiException? Trouble { get; private set; }

    public IEnumerable<Declaration> Declarations => table.Declarations;

    public Task RunAsync(IKubernetesClient client, ReflectorOptions options, KubernetesMetrics metrics, TimeProvider time, ILogger logger, CancellationToken stop) =>
        new Reflector<T>(client.Resource(type), this, options with { ListsAnew = isCustom }, metrics, time, logger).RunAsync(stop);

    public void Replace(ResourcePage<T> all) => post(() =>
    {
        // What can't be read is there all the same.
        HashSet<ResourceName> there = [.. all.Items.Select(i => i.Metadata.ResourceName), .. all.Unreadable.Select(u => u.Metadata.ResourceName)];
        foreach (ResourceName gone in table.Names.Where(n => !there.Contains(n)).ToArray()) table.Remove(gone);

        // The oldest first: of two that claim the same the one that was there first has it, and a list has them by name.
        foreach (T item in all.Items.OrderBy(i => i.Metadata.Created ?? DateTimeOffset.MinValue)) table.Set(item);
        foreach (UnreadableObject item in all.Unreadable) table.SetUnreadable(item);
        (IsListed, Trouble, Mark) = (true, null, ApiVersions.Number(all.ResourceVersion));
    });

    public void Apply(WatchEvent<T> change) => post(() =>
    {
        if (change.Type == WatchEventType.Deleted) table.Remove((change.Item?.Metadata ?? change.Unreadable!.Metadata).ResourceName);
        else if (change.Item is { } item) table.Set(item);
        else if (change.Unreadable is { } unreadable) table.SetUnreadable(unreadable);
        Mark = Math.Max(Mark, ApiVersions.Number(change.ResourceVersion));
    });

    public void Watching() => post(() => Trouble = null);

    public void Failed(ApiException error) => post(() => Trouble = error);
}
