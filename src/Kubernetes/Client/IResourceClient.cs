using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Client;

/// <summary>
/// Objects of one kind. All methods throw <see cref="ApiException"/> with the reason when the server refuses or can't be reached, and
/// <see cref="ArgumentException"/> for names that can't be names. Safe for use by many threads.
/// </summary>
/// <typeparam name="T">The record for one object.</typeparam>
public interface IResourceClient<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>The kind.</summary>
    ResourceType<T> Type { get; }

    /// <summary>Reads an object.</summary>
    Task<T> GetAsync(ResourceName name, CancellationToken cancellationToken);

    /// <summary>Reads one page of a list.</summary>
    Task<ResourcePage<T>> ListPageAsync(ListOptions options, CancellationToken cancellationToken);

    /// <summary>
    /// Watches until the server ends it, which it does after <see cref="WatchOptions.Timeout"/>; then the sequence ends. Failures are thrown, <see cref="ApiFailure.Expired"/>
    /// among them when the version asked for is no longer kept. <see cref="Reflector{T}"/> goes on after both.
    /// </summary>
    IAsyncEnumerable<WatchEvent<T>> WatchAsync(WatchOptions options, CancellationToken cancellationToken);

    /// <summary>Creates an object, in the namespace that its metadata says. Sets the object's apiVersion and kind to those of <see cref="Type"/>.</summary>
    /// <returns>As the server has it now.</returns>
    Task<T> CreateAsync(T item, WriteOptions? options, CancellationToken cancellationToken);

    /// <summary>Replaces an object, after setting its apiVersion and kind to those of <see cref="Type"/>; <see cref="ApiFailure.Conflict"/> when it has changed since the version that its metadata says.</summary>
    /// <exception cref="InvalidOperationException">The record does not have all fields of the kind (<see cref="ResourceType{T}.IsComplete"/>).</exception>
    Task<T> UpdateAsync(T item, WriteOptions? options, CancellationToken cancellationToken);

    /// <summary>Server-side apply: the document says the fields that its manager wants, and no others.</summary>
    /// <param name="name">The object.</param>
    /// <param name="document">What is wanted, with apiVersion, kind and metadata.name; JSON.</param>
    /// <param name="options">Who wants it.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    Task<T> ApplyAsync(ResourceName name, ReadOnlyMemory<byte> document, ApplyOptions options, CancellationToken cancellationToken);

    /// <summary>Changes parts of an object, or of its status.</summary>
    Task<T> PatchAsync(ResourceName name, Patch patch, PatchOptions? options, CancellationToken cancellationToken);

    /// <summary>Deletes an object. It may stay for a while, with a time of deletion, until finalizers are done.</summary>
    Task DeleteAsync(ResourceName name, DeleteOptions? options, CancellationToken cancellationToken);
}
