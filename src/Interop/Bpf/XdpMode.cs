namespace Culvert.Interop.Bpf;

/// <summary>Where an XDP program runs (XDP_FLAGS_* of linux/if_link.h).</summary>
public enum XdpMode
{
    /// <summary>In the driver where it can, else generic.</summary>
    Automatic = 0,

    /// <summary>After the packet has become an skb; any device can.</summary>
    Generic = 1 << 1,

    /// <summary>In the driver, or not at all.</summary>
    Native = 1 << 2,
}
