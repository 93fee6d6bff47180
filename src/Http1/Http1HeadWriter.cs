using System.Buffers.Text;
using Culvert.Http2;
using Culvert.Http2.Hpack;

namespace Culvert.Http1;

/// <summary>
/// Writes heads of messages for one connection (RFC 9112). What is written is what was read: names are in lower case, and the fields of the connection are those of <see cref="HeadForm"/> alone. Allocates nothing.
/// </summary>
/// <remarks>Fields come from a reader of HTTP/1.1 or HTTP/2, which has refused whatever could end a line; the writer does not look for it again.</remarks>
public static class Http1HeadWriter
{
    /// <summary>Writes the head of a request; its target in origin form, or <c>*</c>.</summary>
    /// <param name="fields">The fields, with <c>:method</c> and <c>:path</c>; without <c>:authority</c> an empty <c>host</c> is written (RFC 9112, section 3.2).</param>
    /// <param name="form">What the connection adds.</param>
    /// <param name="room">Where to.</param>
    /// <param name="written">How many bytes it has; undefined when there was no room.</param>
    /// <returns>Whether there was room for all of it.</returns>
    public static bool TryWriteRequest(HeaderList fields, in HeadForm form, Span<byte> room, out int written)
    {
        ArgumentNullException.ThrowIfNull(fields);
        var writer = new RoomWriter(room);
        writer.Add(fields.Method);
        writer.Add(" "u8);
        writer.Add(fields.Path);
        writer.Add(" HTTP/1.1\r\n"u8);
        writer.AddField("host"u8, fields.Authority);
        AddFields(ref writer, fields, form);
        written = writer.Written;
        return writer.Fits;
    }

    /// <summary>Writes the head of a response, an interim one included.</summary>
    /// <param name="fields">The fields, with <c>:status</c>.</param>
    /// <param name="form">What the connection adds.</param>
    /// <param name="room">Where to.</param>
    /// <param name="written">As <see cref="TryWriteRequest"/>.</param>
    /// <returns>Whether there was room for all of it.</returns>
    public static bool TryWriteResponse(HeaderList fields, in HeadForm form, Span<byte> room, out int written)
    {
        ArgumentNullException.ThrowIfNull(fields);
        var writer = new RoomWriter(room);
        writer.Add("HTTP/1.1 "u8);
        writer.Add(fields.Known(HeaderNames.Status));
        writer.Add(" "u8); // it is needed, though the phrase is not (RFC 9112, section 4)
        writer.Add(ReasonPhrase.Of(fields.Status));
        writer.Add("\r\n"u8);
        AddFields(ref writer, fields, form);
        written = writer.Written;
        return writer.Fits;
    }

    /// <summary>Writes the line in front of a chunk's content. A chunk is this, the content, and CR LF.</summary>
    /// <param name="size">Bytes of the content, 1 or more: none would end the body.</param>
    /// <param name="room">Where to; of <see cref="LongestChunkSize"/> bytes or more.</param>
    /// <returns>Its length.</returns>
    public static int WriteChunkSize(int size, Span<byte> room)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        Utf8Formatter.TryFormat(size, room, out int digits, new('x'));
        "\r\n"u8.CopyTo(room[digits..]);
        return digits + 2;
    }

    /// <summary>The longest that <see cref="WriteChunkSize"/> writes.</summary>
    public const int LongestChunkSize = 10;

    /// <summary>Writes the last chunk and the trailers.</summary>
    /// <param name="trailers">The trailers; empty when there are none.</param>
    /// <param name="room">Where to.</param>
    /// <param name="written">As <see cref="TryWriteRequest"/>.</param>
    /// <returns>Whether there was room for all of it.</returns>
    public static bool TryWriteLastChunk(HeaderList trailers, Span<byte> room, out int written)
    {
        ArgumentNullException.ThrowIfNull(trailers);
        var writer = new RoomWriter(room);
        writer.Add("0\r\n"u8);
        for (var i = 0; i < trailers.Count; i++) writer.AddField(trailers[i].Name, trailers[i].Value);
        writer.Add("\r\n"u8);
        written = writer.Written;
        return writer.Fits;
    }

    private static void AddFields(ref RoomWriter writer, HeaderList fields, in HeadForm form)
    {
        var takesTrailers = false;
        for (var i = 0; i < fields.Count; i++)
        {
            HeaderView field = fields[i];
            if (field.Name[0] == ':') continue;
            if (field.Name.SequenceEqual("te"u8)) takesTrailers = true;

            // Where chunks say how long it is, a length would say it a second time (RFC 9112, section 6.2).
            if (!form.IsChunked || !field.Name.SequenceEqual("content-length"u8)) writer.AddField(field.Name, field.Value);
        }

        if (form.ExpectsContinue) writer.AddField("expect"u8, "100-continue"u8);
        if (form.IsChunked) writer.AddField("transfer-encoding"u8, "chunked"u8);
        if (!form.Upgrade.IsEmpty) writer.AddField("upgrade"u8, form.Upgrade);
        AddConnection(ref writer, form, takesTrailers);
        writer.Add("\r\n"u8);
    }

    private static void AddConnection(ref RoomWriter writer, in HeadForm form, bool takesTrailers)
    {
        ReadOnlySpan<byte> options = form.Connection switch
        {
            ConnectionOption.Close => "close"u8,
            ConnectionOption.KeepAlive => "keep-alive"u8,
            _ => default,
        };
        if (options.IsEmpty && form.Upgrade.IsEmpty && !takesTrailers) return;
        writer.Add("connection: "u8);
        writer.Add(options);
        var first = options.IsEmpty;
        if (!form.Upgrade.IsEmpty) AddOption(ref writer, "upgrade"u8, ref first);
        if (takesTrailers) AddOption(ref writer, "te"u8, ref first);
        writer.Add("\r\n"u8);
    }

    private static void AddOption(ref RoomWriter writer, ReadOnlySpan<byte> option, ref bool first)
    {
        if (!first) writer.Add(", "u8);
        first = false;
        writer.Add(option);
    }

    /// <summary>Writes to the end of a room, and notes when it was too small.</summary>
    private ref struct RoomWriter(Span<byte> room)
    {
        private readonly Span<byte> _room = room;

        public int Written { get; private set; }

        public bool Fits { get; private set; } = true;

        public void Add(ReadOnlySpan<byte> text)
        {
            if (!Fits || !text.TryCopyTo(_room[Written..]))
            {
                Fits = false;
                return;
            }

            Written += text.Length;
        }

        public void AddField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
        {
            Add(name);
            Add(": "u8);
            Add(value);
            Add("\r\n"u8);
        }
    }
}
