using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Watches;

/// <summary>An event of a watch.</summary>
/// <typeparam name="T">The record for an object.</typeparam>
/// <param name="Type">What it says.</param>
/// <param name="ResourceVersion">Where a watch goes on after it.</param>
/// <param name="Item">The object; null where it is about none, and where it can't be read.</param>
/// <param name="Unreadable">What is known of an object that can't be read.</param>
public sealed record WatchEvent<T>(WatchEventType Type, string ResourceVersion, T? Item, UnreadableObject? Unreadable = null)
    where T : class, IKubernetesObject<V1ObjectMeta>;
