using System.Text.Json;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Transport;
using Culvert.Kubernetes.Watches;

namespace Culvert.Kubernetes.Client;

/// <summary>Objects of one kind, over HTTP.</summary>
internal sealed class ResourceClient<T>(ResourceType<T> type, ApiTransport transport, KubernetesClientOptions options, KubernetesMetrics metrics, TimeProvider time) : IResourceClient<T>
    where T : class, IKubernetesObject
{
    public ResourceType<T> Type => type;

    public async Task<T> GetAsync(ResourceName name, CancellationToken cancellationToken)
    {
        var request = new ApiRequest("get", type.FullName, HttpMethod.Get, type.ObjectPath(name)) { Subject = name.ToString() };
        return ResourceReader.ReadObject(request.What, type, await transport.SendAsync(request, cancellationToken), isNamed: true);
    }

    public async Task<ResourcePage<T>> ListPageAsync(ListOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var request = new ApiRequest("list", type.FullName, HttpMethod.Get, Query(options).Add("limit", options.Limit).Add("continue", options.Continue).ToString()) { Subject = options.Namespace };
        ReadOnlyMemory<byte> answer = await transport.SendAsync(request, cancellationToken);
        metrics.ListPage(type.FullName);
        return ResourceReader.ReadPage(request.What, type, answer);
    }

    public IAsyncEnumerable<WatchEvent<T>> WatchAsync(WatchOptions watch, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(watch);
        QueryBuilder query = Query(watch).Add("watch", true).Add("allowWatchBookmarks", true).Add("timeoutSeconds", (long)Math.Max(1, watch.Timeout.TotalSeconds));
        var request = new ApiRequest("watch", type.FullName, HttpMethod.Get, query.ToString()) { Subject = watch.Namespace };
        return new WatchStream<T>(type, request, watch, transport, options, metrics, time).ReadAsync(cancellationToken);
    }

    public async Task<T> CreateAsync(T item, WriteOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(item);
        string inNamespace = item.Metadata.Namespace ?? "";
        if (type.IsNamespaced && inNamespace.Length == 0) throw new ArgumentException($"{type.FullName} are in namespaces, and the object says none", nameof(item));
        return await WriteAsync("create", HttpMethod.Post, type.CollectionPath(inNamespace), item, options, cancellationToken);
    }

    public async Task<T> UpdateAsync(T item, WriteOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(item);
        if (!type.IsComplete) throw new InvalidOperationException($"the record for {type.FullName} does not have all fields, and what it does not have would be removed; apply or patch it");
        return await WriteAsync("update", HttpMethod.Put, type.ObjectPath(item.Metadata.ResourceName), item, options, cancellationToken);
    }

    public async Task<T> ApplyAsync(ResourceName name, ReadOnlyMemory<byte> document, ApplyOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        QueryBuilder query = Part(name, options.Subresource).Add("fieldManager", options.FieldManager).Add("force", options.Force).Add("dryRun", options.DryRun ? "All" : null);
        // JSON is YAML.
        return await ChangeAsync(name, query, "application/apply-patch+yaml", document, cancellationToken);
    }

    public async Task<T> PatchAsync(ResourceName name, Patch patch, PatchOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(patch);
        QueryBuilder query = Part(name, options?.Subresource).Add("fieldManager", options?.FieldManager).Add("dryRun", options?.DryRun == true ? "All" : null);
        return await ChangeAsync(name, query, patch.ContentType, patch.Document, cancellationToken);
    }

    public async Task DeleteAsync(ResourceName name, DeleteOptions? options, CancellationToken cancellationToken)
    {
        var request = new ApiRequest("delete", type.FullName, HttpMethod.Delete, type.ObjectPath(name)) { Subject = name.ToString(), Body = DeleteDocument.Write(options ?? new()) };
        await transport.SendAsync(request, cancellationToken);
    }

    private async Task<T> WriteAsync(string verb, HttpMethod method, string path, T item, WriteOptions? options, CancellationToken cancellationToken)
    {
        string query = new QueryBuilder(path).Add("fieldManager", options?.FieldManager).Add("dryRun", options?.DryRun == true ? "All" : null).ToString();
        var request = new ApiRequest(verb, type.FullName, method, query) { Subject = item.Metadata.ResourceName.ToString(), Body = JsonSerializer.SerializeToUtf8Bytes(item, type.Json) };
        return ResourceReader.ReadObject(request.What, type, await transport.SendAsync(request, cancellationToken), isNamed: false);
    }

    private async Task<T> ChangeAsync(ResourceName name, QueryBuilder query, string contentType, ReadOnlyMemory<byte> document, CancellationToken cancellationToken)
    {
        var request = new ApiRequest("patch", type.FullName, HttpMethod.Patch, query.ToString()) { Subject = name.ToString(), Body = document, ContentType = contentType };
        return ResourceReader.ReadObject(request.What, type, await transport.SendAsync(request, cancellationToken), isNamed: true);
    }

    private QueryBuilder Query(ListOptions options) => new QueryBuilder(type.CollectionPath(options.Namespace))
        .Add("labelSelector", options.LabelSelector).Add("fieldSelector", options.FieldSelector).Add("resourceVersion", options.ResourceVersion);

    private QueryBuilder Part(ResourceName name, string? subresource) =>
        new(subresource is null ? type.ObjectPath(name) : $"{type.ObjectPath(name)}/{PathSegment.Check(subresource, nameof(subresource))}");
}
