using System.Buffers;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Culvert.Bench.Scale;

/// <summary>
/// What a simulated agent keeps of a response: of a full one how much there was of it, of a delta also what it was about. A thousand agents that decoded a world each would measure themselves.
/// </summary>
/// <param name="Version">Its version.</param>
/// <param name="Full">Whether it is the whole world.</param>
/// <param name="Upserts">How many resources it brings.</param>
/// <param name="Resources">Kinds and names of those that a delta brings.</param>
internal sealed record ReceivedSnapshot(ulong Version, bool Full, int Upserts, IReadOnlyList<string> Resources)
{
    /// <summary>The call of agents, with this in the place of responses.</summary>
    public static Method<SnapshotRequest, ReceivedSnapshot> Stream { get; } = new(
        MethodType.DuplexStreaming, "culvert.v1.SnapshotService", "Stream",
        Marshallers.Create<SnapshotRequest>(m => m.ToByteArray(), SnapshotRequest.Parser.ParseFrom),
        Marshallers.Create<ReceivedSnapshot>((_, _) => throw new NotSupportedException(), c => Read(c.PayloadAsReadOnlySequence())));

    /// <summary>Reads a response without making objects of its resources, unless it is a delta.</summary>
    /// <exception cref="InvalidDataException">It is no response.</exception>
    public static ReceivedSnapshot Read(ReadOnlySequence<byte> message)
    {
        ulong version = 0;
        bool full = false;
        List<ReadOnlySequence<byte>> upserts = [];
        SequenceReader<byte> reader = new(message);
        while (!reader.End)
        {
            ulong tag = Varint(ref reader);
            switch (tag & 7)
            {
                case 0:
                    ulong value = Varint(ref reader);
                    if (tag >> 3 == SnapshotResponse.VersionFieldNumber) version = value;
                    else if (tag >> 3 == SnapshotResponse.FullFieldNumber) full = value != 0;
                    break;
                case 2:
                    long length = (long)Varint(ref reader);
                    if (length > reader.Remaining) throw new InvalidDataException("a field is longer than the message");
                    if (tag >> 3 == SnapshotResponse.UpsertsFieldNumber) upserts.Add(reader.UnreadSequence.Slice(0, length));
                    reader.Advance(length);
                    break;
                default: throw new InvalidDataException($"a response has no field with tag {tag}");
            }
        }
        return new(version, full, upserts.Count, full ? [] : [.. upserts.Select(NameOf)]);
    }

    private static string NameOf(ReadOnlySequence<byte> resource)
    {
        ResourceName name = SnapshotMapping.NameOf(Resource.Parser.ParseFrom(resource));
        return $"{name.Kind} {name.Name}";
    }

    private static ulong Varint(ref SequenceReader<byte> reader)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            if (!reader.TryRead(out byte next)) throw new InvalidDataException("the message ends within a number");
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }
        throw new InvalidDataException("a number is too long");
    }
}
