using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Client;

/// <summary>What can be done with what <see cref="IResourceClient{T}"/> has.</summary>
public static class ResourceClientExtensions
{
    // Then all are asked for at once: a busy server may drop the version between two pages again and again.
    private const int PagedAttempts = 3;

    /// <summary>Reads all pages. When the server no longer keeps the version that the first was of, it begins anew; when that happens again, it asks for all at once.</summary>
    /// <exception cref="ApiException">It failed.</exception>
    public static async Task<ResourcePage<T>> ListAsync<T>(this IResourceClient<T> client, ListOptions options, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(options);
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await ListOnceAsync(client, attempt <= PagedAttempts ? options : options with { Limit = 0 }, cancellationToken);
            }
            catch (ApiException e) when (e.Failure == ApiFailure.Expired && attempt <= PagedAttempts)
            {
                // The next attempt is of a newer version.
            }
        }
    }

    /// <summary>Reads an object; null when there is none.</summary>
    /// <exception cref="ApiException">It failed for another reason.</exception>
    public static async Task<T?> FindAsync<T>(this IResourceClient<T> client, ResourceName name, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        ArgumentNullException.ThrowIfNull(client);
        try
        {
            return await client.GetAsync(name, cancellationToken);
        }
        catch (ApiException e) when (e.Failure == ApiFailure.NotFound)
        {
            return null;
        }
    }

    /// <summary>Server-side apply of a record that has only the fields that are wanted.</summary>
    /// <exception cref="ApiException">It failed.</exception>
    public static Task<T> ApplyAsync<T, TWanted>(
        this IResourceClient<T> client, ResourceName name, TWanted wanted, JsonTypeInfo<TWanted> json, ApplyOptions options, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        ArgumentNullException.ThrowIfNull(client);
        return client.ApplyAsync(name, JsonSerializer.SerializeToUtf8Bytes(wanted, json), options, cancellationToken);
    }

    /// <summary>Changes fields of an object's status, as <see cref="Patch.Merge"/> does.</summary>
    /// <exception cref="ApiException">It failed.</exception>
    public static Task<T> PatchStatusAsync<T>(this IResourceClient<T> client, ResourceName name, ReadOnlyMemory<byte> document, string fieldManager, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        ArgumentNullException.ThrowIfNull(client);
        return client.PatchAsync(name, Patch.Merge(document), new() { Subresource = "status", FieldManager = fieldManager }, cancellationToken);
    }

    /// <summary>Deletes an object that may have gone.</summary>
    /// <returns>Whether it was there.</returns>
    /// <exception cref="ApiException">It failed for another reason.</exception>
    public static async Task<bool> DeleteIfThereAsync<T>(this IResourceClient<T> client, ResourceName name, DeleteOptions? options, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        ArgumentNullException.ThrowIfNull(client);
        try
        {
            await client.DeleteAsync(name, options, cancellationToken);
            return true;
        }
        catch (ApiException e) when (e.Failure == ApiFailure.NotFound)
        {
            return false;
        }
    }

    private static async Task<ResourcePage<T>> ListOnceAsync<T>(IResourceClient<T> client, ListOptions options, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        ResourcePage<T> page = await client.ListPageAsync(options, cancellationToken);
        if (page.Continue is null) return page;
        var items = new List<T>(page.Items);
        var unreadable = new List<UnreadableObject>(page.Unreadable);
        while (page.Continue is { } next)
        {
            // The token says the version; saying it again is refused.
            page = await client.ListPageAsync(options with { Continue = next, ResourceVersion = null }, cancellationToken);
            items.AddRange(page.Items);
            unreadable.AddRange(page.Unreadable);
        }
        return page with { Items = items, Unreadable = unreadable };
    }
}
