using System.Text.Json;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Transport;
using Culvert.Kubernetes.Watches;
using k8s;
using k8s.Autorest;
using k8s.Models;

namespace Culvert.Kubernetes.Client;

/// <summary>Objects of one kind, by the operations of the package.</summary>
internal sealed class ResourceClient<T>(ResourceType<T> type, ApiTransport transport, KubernetesClientOptions options, KubernetesMetrics metrics, TimeProvider time) : IResourceClient<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    public ResourceType<T> Type => type;

    private string Group => type.Group;

    private string Version => type.Version;

    private string Plural => type.Plural;

    public async Task<T> GetAsync(ResourceName name, CancellationToken cancellationToken)
    {
        type.Check(name);
        ApiRequest request = About("get", name.ToString(), (api, token) => type.IsNamespaced
            ? api.GetNamespacedCustomObjectWithHttpMessagesAsync(Group, Version, name.Namespace, Plural, name.Name, cancellationToken: token)
            : api.GetClusterCustomObjectWithHttpMessagesAsync(Group, Version, Plural, name.Name, cancellationToken: token));
        return ResourceReader.ReadObject(request.What, type, await transport.SendAsync(request, cancellationToken), isNamed: true);
    }

    public async Task<ResourcePage<T>> ListPageAsync(ListOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ApiRequest request = List("list", options, new(options.Limit > 0 ? options.Limit : null, Said(options.Continue), null));
        ReadOnlyMemory<byte> answer = await transport.SendAsync(request, cancellationToken);
        metrics.ListPage(type.FullName);
        return ResourceReader.ReadPage(request.What, type, answer);
    }

    public IAsyncEnumerable<WatchEvent<T>> WatchAsync(WatchOptions watch, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(watch);
        ApiRequest request = List("watch", watch, new(null, null, (int)Math.Clamp(watch.Timeout.TotalSeconds, 1, int.MaxValue)));
        return new WatchStream<T>(type, request, watch, transport, options, metrics, time).ReadAsync(cancellationToken);
    }

    public async Task<T> CreateAsync(T item, WriteOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(item);
        item.Metadata ??= new();
        string inNamespace = item.Metadata.NamespaceProperty ?? "";
        if (type.IsNamespaced && inNamespace.Length == 0) throw new ArgumentException($"{type.FullName} are in namespaces, and the object says none", nameof(item));
        type.CheckNamespace(inNamespace);
        (Document body, string? dryRun, string? manager) = (Body(item), All(options?.DryRun), Said(options?.FieldManager));
        return await WriteAsync("create", item, (api, token) => type.IsNamespaced
            ? api.CreateNamespacedCustomObjectWithHttpMessagesAsync(body, Group, Version, inNamespace, Plural, dryRun, manager, cancellationToken: token)
            : api.CreateClusterCustomObjectWithHttpMessagesAsync(body, Group, Version, Plural, dryRun, manager, cancellationToken: token), cancellationToken);
    }

    public async Task<T> UpdateAsync(T item, WriteOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(item);
        if (!type.IsComplete) throw new InvalidOperationException($"the record for {type.FullName} does not have all fields, and what it does not have would be removed; apply or patch it");
        ResourceName name = item.Metadata.ResourceName;
        type.Check(name);
        (Document body, string? dryRun, string? manager) = (Body(item), All(options?.DryRun), Said(options?.FieldManager));
        return await WriteAsync("update", item, (api, token) => type.IsNamespaced
            ? api.ReplaceNamespacedCustomObjectWithHttpMessagesAsync(body, Group, Version, name.Namespace, Plural, name.Name, dryRun, manager, cancellationToken: token)
            : api.ReplaceClusterCustomObjectWithHttpMessagesAsync(body, Group, Version, Plural, name.Name, dryRun, manager, cancellationToken: token), cancellationToken);
    }

    public Task<T> ApplyAsync(ResourceName name, ReadOnlyMemory<byte> document, ApplyOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        return ChangeAsync(name, options.Subresource, Patch.Of(V1Patch.PatchType.ApplyPatch, document), options.DryRun, options.FieldManager, options.Force, cancellationToken);
    }

    public Task<T> PatchAsync(ResourceName name, Patch patch, PatchOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(patch);
        return ChangeAsync(name, options?.Subresource, patch.Body, options?.DryRun, options?.FieldManager, force: false, cancellationToken);
    }

    public async Task DeleteAsync(ResourceName name, DeleteOptions? options, CancellationToken cancellationToken)
    {
        type.Check(name);
        V1DeleteOptions body = Body(options ?? new());
        ApiRequest request = About("delete", name.ToString(), (api, token) => type.IsNamespaced
            ? api.DeleteNamespacedCustomObjectWithHttpMessagesAsync(Group, Version, name.Namespace, Plural, name.Name, body, cancellationToken: token)
            : api.DeleteClusterCustomObjectWithHttpMessagesAsync(Group, Version, Plural, name.Name, body, cancellationToken: token));
        await transport.SendAsync(request, cancellationToken);
    }

    private ApiRequest List(string verb, ListOptions options, Extent extent)
    {
        type.CheckNamespace(options.Namespace);
        (string? fields, string? labels, string? version) = (Said(options.FieldSelector), Said(options.LabelSelector), Said(options.ResourceVersion));
        bool? watch = verb == "watch" ? true : null;
        return About(verb, options.Namespace, (api, token) => options.Namespace.Length > 0
            ? api.ListNamespacedCustomObjectWithHttpMessagesAsync(
                Group, Version, options.Namespace, Plural, watch, extent.Continue, fields, labels, extent.Limit, version, null, extent.Seconds, watch, cancellationToken: token)
            : api.ListClusterCustomObjectWithHttpMessagesAsync(
                Group, Version, Plural, watch, extent.Continue, fields, labels, extent.Limit, version, null, extent.Seconds, watch, cancellationToken: token));
    }

    private async Task<T> WriteAsync(string verb, T item, Call call, CancellationToken cancellationToken)
    {
        ApiRequest request = About(verb, item.Metadata.ResourceName.ToString(), call);
        return ResourceReader.ReadObject(request.What, type, await transport.SendAsync(request, cancellationToken), isNamed: false);
    }

    private async Task<T> ChangeAsync(ResourceName name, string? part, V1Patch body, bool? isDryRun, string? manager, bool force, CancellationToken cancellationToken)
    {
        type.Check(name);
        if (part is not (null or "status")) throw new ArgumentException($"'{part}' is no part of an object that can be changed; only status is", nameof(part));
        (string? dryRun, bool? forced, string? by) = (All(isDryRun), force ? true : null, Said(manager));
        ApiRequest request = About("patch", name.ToString(), (api, token) => (type.IsNamespaced, part) switch
        {
            (true, null) => api.PatchNamespacedCustomObjectWithHttpMessagesAsync(body, Group, Version, name.Namespace, Plural, name.Name, dryRun, by, null, forced, cancellationToken: token),
            (true, _) => api.PatchNamespacedCustomObjectStatusWithHttpMessagesAsync(body, Group, Version, name.Namespace, Plural, name.Name, dryRun, by, null, forced, cancellationToken: token),
            (false, null) => api.PatchClusterCustomObjectWithHttpMessagesAsync(body, Group, Version, Plural, name.Name, dryRun, by, null, forced, cancellationToken: token),
            (false, _) => api.PatchClusterCustomObjectStatusWithHttpMessagesAsync(body, Group, Version, Plural, name.Name, dryRun, by, null, forced, cancellationToken: token),
        });
        return ResourceReader.ReadObject(request.What, type, await transport.SendAsync(request, cancellationToken), isNamed: true);
    }

    private ApiRequest About(string verb, string subject, Call call) =>
        new(verb, type.FullName, async (client, token) => (await call(client.CustomObjects, token)).Response) { Subject = subject };

    // The package's models don't say of which kind they are.
    private Document Body(T item)
    {
        (item.ApiVersion, item.Kind) = (type.ApiVersion, type.Kind);
        return new(JsonSerializer.SerializeToUtf8Bytes(item, type.Json));
    }

    private static V1DeleteOptions Body(DeleteOptions options) => new()
    {
        ApiVersion = "v1",
        Kind = "DeleteOptions",
        DryRun = options.DryRun ? ["All"] : null,
        GracePeriodSeconds = options.GracePeriod is { } grace ? (long)grace.TotalSeconds : null,
        PropagationPolicy = options.Propagation?.ToString(),
        Preconditions = options.Uid is null && options.ResourceVersion is null ? null : new() { Uid = options.Uid, ResourceVersion = options.ResourceVersion },
    };

    // The package writes empty values into the query.
    private static string? Said(string? value) => string.IsNullOrEmpty(value) ? null : value;

    private static string? All(bool? isDryRun) => isDryRun == true ? "All" : null;

    /// <summary>The package's operations that take the group and the kind; of the core group too, whose name is empty.</summary>
    private delegate Task<HttpOperationResponse<object>> Call(k8s.ICustomObjectsOperations api, CancellationToken cancellationToken);

    /// <summary>How much of a list is asked for.</summary>
    private readonly record struct Extent(int? Limit, string? Continue, int? Seconds);
}
