using Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>A message could not be turned into the model: it breaks a rule that the sender should have kept.</summary>
/// <param name="resource">The resource at fault, or null when it is the message as a whole.</param>
/// <param name="message">What is wrong, with the field.</param>
public sealed class MappingException(ResourceName? resource, string message) : Exception(message)
{
    /// <summary>The resource at fault, or null; goes into a NACK.</summary>
    public ResourceName? Resource { get; } = resource;
}
