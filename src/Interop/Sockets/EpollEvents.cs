namespace Culvert.Interop.Sockets;

/// <summary>Readiness bits (sys/epoll.h EPOLL*).</summary>
[Flags]
public enum EpollEvents : uint
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Readable (EPOLLIN).</summary>
    Readable = 0x1,

    /// <summary>Urgent data of TCP has come (EPOLLPRI).</summary>
    Urgent = 0x2,

    /// <summary>Writable (EPOLLOUT).</summary>
    Writable = 0x4,

    /// <summary>The socket failed or was reset (EPOLLERR); always reported.</summary>
    Error = 0x8,

    /// <summary>Both directions have ended (EPOLLHUP); always reported.</summary>
    HangUp = 0x10,

    /// <summary>The peer ended its direction (EPOLLRDHUP).</summary>
    PeerShutdown = 0x2000,

    /// <summary>Report changes only, not states (EPOLLET).</summary>
    EdgeTriggered = 0x8000_0000,
}
