using Culvert.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>A request without headers.</summary>
internal sealed class NoFields : IRequestFields
{
    public int Count => 0;

    public void Get(int index, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value) => throw new ArgumentOutOfRangeException(nameof(index));
}
