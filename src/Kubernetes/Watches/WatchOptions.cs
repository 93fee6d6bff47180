using Culvert.Kubernetes.Client;

namespace Culvert.Kubernetes.Watches;

/// <summary>What is watched, from where on (<see cref="ListOptions.ResourceVersion"/>). Pages play no part.</summary>
public sealed record WatchOptions : ListOptions
{
    /// <summary>After how long the server ends the watch; whole seconds.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(5);
}
