namespace Culvert.Labs.Mesh;

/// <summary>Counts over a capture.</summary>
internal record struct LinkSummary
{
    /// <summary>TCP and UDP packets.</summary>
    public int Packets { get; set; }

    /// <summary>Their bytes.</summary>
    public long Bytes { get; set; }

    /// <summary>UDP packets.</summary>
    public int Datagrams { get; set; }

    /// <summary>Whether the plaintext looked for was found.</summary>
    public bool MarkerSeen { get; set; }

    /// <summary>Packets from or to the application's port.</summary>
    public int ApplicationPackets { get; set; }

    /// <summary>Packets from or to the tunnel's port.</summary>
    public int TunnelPackets { get; set; }

    /// <summary>TLS handshake records.</summary>
    public int Handshakes { get; set; }

    /// <summary>TLS application data records.</summary>
    public int ApplicationRecords { get; set; }
}
