using Culvert.Core;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>The header lines of a request, as routes look at them. Used for one request after the other; belongs to its loop's thread.</summary>
internal sealed class HeaderListFields : IRequestFields
{
    private HeaderList _fields = new();

    /// <inheritdoc/>
    public int Count => _fields.Count;

    /// <summary>Takes the next request.</summary>
    internal HeaderListFields Of(HeaderList request)
    {
        _fields = request;
        return this;
    }

    /// <inheritdoc/>
    public void Get(int index, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        HeaderView field = _fields[index];
        name = field.Name.SequenceEqual(":authority"u8) ? "host"u8 : field.Name; // by which routes tell hosts apart, in either version
        value = field.Value;
    }
}
