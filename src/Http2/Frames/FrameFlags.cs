namespace Culvert.Http2.Frames;

/// <summary>Frame flags of RFC 9113, section 6; their meaning depends on the type.</summary>
[Flags]
internal enum FrameFlags : byte
{
    None = 0,
    EndStream = 0x1,
    Ack = EndStream,
    EndHeaders = 0x4,
    Padded = 0x8,
    Priority = 0x20,
}
