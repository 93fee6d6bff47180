using System.Buffers.Binary;
using System.Text;
using Culvert.Http2.Frames;

namespace Culvert.Http2.Tests.Support;

/// <summary>Builds raw frames byte by byte, valid or not. Header fields are literals without indexing, so no compression state is needed.</summary>
internal sealed class Wire
{
    private readonly List<byte> _bytes = [];

    public static readonly (string, string)[] Get = [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/")];
    public static readonly (string, string)[] Post = [(":method", "POST"), (":scheme", "https"), (":authority", "a"), (":path", "/")];
    public static readonly (string, string)[] Connect = [(":method", "CONNECT"), (":authority", "10.0.0.1:80")];
    public static readonly (string, string)[] Ok = [(":status", "200")];

    public byte[] Bytes => [.. _bytes];

    public static byte[] Block(params (string Name, string Value)[] fields)
    {
        var bytes = new List<byte>();
        foreach (var (name, value) in fields)
        {
            bytes.Add(0);
            Text(name);
            Text(value);
        }

        return [.. bytes];

        void Text(string text)
        {
            var raw = Encoding.Latin1.GetBytes(text);
            if (raw.Length < 127)
            {
                bytes.Add((byte)raw.Length);
            }
            else
            {
                bytes.Add(127);
                var rest = raw.Length - 127;
                for (; rest >= 128; rest >>= 7) bytes.Add((byte)(rest | 128));
                bytes.Add((byte)rest);
            }

            bytes.AddRange(raw);
        }
    }

    public Wire Raw(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public Wire Preface() => Raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray());

    public Wire Frame(int type, int flags, int streamId, params byte[] payload)
    {
        var head = new byte[FrameHeader.Size];
        FrameHeader.Write(head, payload.Length, (FrameType)type, (FrameFlags)flags, streamId);
        return Raw(head).Raw(payload);
    }

    public Wire Settings(params (int Id, uint Value)[] settings)
    {
        var payload = new byte[settings.Length * 6];
        for (var i = 0; i < settings.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(i * 6), (ushort)settings[i].Id);
            BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan((i * 6) + 2), settings[i].Value);
        }

        return Frame(4, 0, 0, payload);
    }

    public Wire SettingsAck() => Frame(4, 1, 0);

    public Wire Headers(int streamId, bool end, params (string, string)[] fields) => Frame(1, end ? 5 : 4, streamId, Block(fields));

    public Wire Data(int streamId, int count, bool end = false) => Frame(0, end ? 1 : 0, streamId, new byte[count]);

    public Wire Reset(int streamId, int code = 8) => Frame(3, 0, streamId, Number(code));

    public Wire WindowUpdate(int streamId, uint increment) => Frame(8, 0, streamId, Number((int)increment));

    public Wire Ping(byte value, bool ack = false) => Frame(6, ack ? 1 : 0, 0, value, value, value, value, value, value, value, value);

    public Wire GoAway(int last, int code = 0) => Frame(7, 0, 0, [.. Number(last), .. Number(code)]);

    public static byte[] Number(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }
}
