using k8s.Models;

namespace Culvert.Controller.Sharing;

/// <summary>Something that controllers of one mesh tell each other by their Secret.</summary>
internal interface ISharedPart
{
    /// <summary>Raised when there may be something to tell, on any thread.</summary>
    event Action? Changed;

    /// <summary>Takes up what the Secret says, and returns what it lacks, by key. For one caller at a time.</summary>
    /// <exception cref="IOException">It can't be kept here.</exception>
    IReadOnlyCollection<KeyValuePair<string, byte[]?>> Exchange(V1Secret read);
}
