using System.Text;

namespace Culvert.Core.Tests;

/// <summary>A request as tests write it down.</summary>
internal sealed class SomeRequest(string method, string host, string path, params (string Name, string Value)[] headers) : IRequestFields
{
    private readonly byte[] _method = Encoding.Latin1.GetBytes(method);
    private readonly byte[] _host = Encoding.Latin1.GetBytes(host);
    private readonly byte[] _normal = Normal(path);
    private readonly byte[] _room = new byte[PathReadings.RoomFor(path.Length)];
    private readonly int[] _ends = new int[HttpPath.MostReadings];
    private readonly (byte[] Name, byte[] Value)[] _headers = [.. headers.Select(h => (Encoding.Latin1.GetBytes(h.Name), Encoding.Latin1.GetBytes(h.Value)))];

    public int Count => _headers.Length;

    /// <summary>What its token says; null: it has none.</summary>
    public JwtClaims? Token { get; init; }

    /// <summary>As policy sees it.</summary>
    public RequestHead Head => new(_method, HttpPath.IsPlain(_normal) ? PathReadings.Plain(_normal) : PathReadings.Of(_normal, _room, _ends), _host, this, Token);

    public void Get(int index, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        name = _headers[index].Name;
        value = _headers[index].Value;
    }

    public override string ToString() => $"{method} {host} {path} {string.Join(' ', headers)}";

    private static byte[] Normal(string path)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(path), room = new byte[bytes.Length];
        Assert.True(HttpPath.TryNormalize(bytes, room, out int length));
        return room[..length];
    }
}
