using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

/// <summary>linux/xfrm.h.</summary>
internal static partial class Libc
{
    internal const int NETLINK_XFRM = 6;
    internal const int XFRMNLGRP_POLICY = 4;
    internal const ushort XFRM_MSG_NEWPOLICY = 0x13;
    internal const ushort XFRM_MSG_GETPOLICY = 0x15;
    internal const ushort XFRM_MSG_GETDEFAULT = 0x28;
    internal const byte XFRM_POLICY_OUT = 1;
    internal const byte XFRM_POLICY_FWD = 2;
    internal const byte XFRM_POLICY_BLOCK = 1;
    internal const byte XFRM_USERPOLICY_BLOCK = 1;

    /// <summary>struct xfrm_userpolicy_id: which policy, all zero for any.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 64)]
    internal struct xfrm_userpolicy_id
    {
    }

    /// <summary>struct xfrm_userpolicy_info, without what nobody here asks for.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 168, Pack = 8)]
    internal struct xfrm_userpolicy_info
    {
        [FieldOffset(0)]
        public UInt128 daddr;

        [FieldOffset(16)]
        public UInt128 saddr;

        [FieldOffset(40)]
        public ushort family;

        [FieldOffset(42)]
        public byte prefixlen_d;

        [FieldOffset(43)]
        public byte prefixlen_s;

        [FieldOffset(152)]
        public uint priority;

        [FieldOffset(160)]
        public byte dir;

        [FieldOffset(161)]
        public byte action;
    }

    /// <summary>struct xfrm_userpolicy_default: what becomes of packets that no policy is for.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct xfrm_userpolicy_default
    {
        public byte @in;
        public byte fwd;
        public byte @out;
    }
}
