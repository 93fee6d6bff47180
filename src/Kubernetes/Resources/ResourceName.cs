namespace Culvert.Kubernetes.Resources;

/// <summary>Namespace and name of an object; what caches and work queues know it by.</summary>
/// <param name="Namespace">Empty for objects of the cluster.</param>
/// <param name="Name">The name.</param>
public readonly record struct ResourceName(string Namespace, string Name)
{
    /// <summary>The name of an object of the cluster.</summary>
    public ResourceName(string name)
        : this("", name)
    {
    }

    /// <summary><c>namespace/name</c>, or the name alone.</summary>
    public override string ToString() => string.IsNullOrEmpty(Namespace) ? Name : $"{Namespace}/{Name}";
}
