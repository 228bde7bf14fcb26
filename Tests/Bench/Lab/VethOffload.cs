using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Mesh.Bench.Lab;

/// <summary>Switches segmentation and receive offloads of an interface, as ethtool does: by <c>SIOCETHTOOL</c> (linux/ethtool.h).</summary>
static unsafe partial class VethOffload
{
    const uint SiocEthtool = 0x8946;
    const uint GetStrings = 0x1b, GetStringSetInfo = 0x37, GetFeatures = 0x3a, SetFeatures = 0x3b;
    const uint FeatureStrings = 4;
    const int NameSize = 32;

    // What `ethtool -K dev tso off gso off gro off tx-udp-segmentation off` turns off, by the kernel's own names.
    static readonly string[] Names =
    [
        "tx-tcp-segmentation", "tx-tcp-ecn-segmentation", "tx-tcp-mangleid-segmentation", "tx-tcp6-segmentation", "tx-generic-segmentation",
        "rx-gro", "tx-udp-segmentation",
    ];

    /// <summary>Turns the offloads off and makes sure that they are.</summary>
    /// <exception cref="IOException">The kernel would not.</exception>
    public static void TurnOff(Netns ns, string interfaceName) => NetnsThread.Run(ns, () =>
    {
        using SafeFileHandle socket = new(Native.Socket(Native.AF_INET, Native.SOCK_DGRAM, 0), ownsHandle: true);
        if (socket.IsInvalid)
            throw Native.Failure("socket");
        var features = ReadNames(socket, interfaceName);
        var unwanted = features.Index().Where(f => Names.Contains(f.Item)).Select(f => f.Index).ToArray();
        var blocks = (features.Length + 31) / 32;

        // struct ethtool_sfeatures { u32 cmd, size; struct { u32 valid, requested; } features[]; }
        var set = new uint[2 + 2 * blocks];
        (set[0], set[1]) = (SetFeatures, (uint)blocks);
        foreach (var bit in unwanted)
            set[2 + 2 * (bit / 32)] |= 1u << (bit % 32);
        Call(socket, interfaceName, set);

        // struct ethtool_gfeatures { u32 cmd, size; struct { u32 available, requested, active, never_changed; } features[]; }
        var get = new uint[2 + 4 * blocks];
        (get[0], get[1]) = (GetFeatures, (uint)blocks);
        Call(socket, interfaceName, get);
        var still = unwanted.Where(bit => (get[2 + 4 * (bit / 32) + 2] & (1u << (bit % 32))) != 0).Select(bit => features[bit]).ToArray();
        if (still.Length > 0)
            throw new IOException($"{interfaceName} in {ns.FullName} keeps {string.Join(", ", still)} on");
    });

    static string[] ReadNames(SafeFileHandle socket, string interfaceName)
    {
        // struct ethtool_sset_info { u32 cmd, reserved; u64 sset_mask; u32 data[]; }
        var info = new uint[5];
        (info[0], info[2]) = (GetStringSetInfo, 1u << (int)FeatureStrings);
        Call(socket, interfaceName, info);
        var count = (int)info[4];

        // struct ethtool_gstrings { u32 cmd, string_set, len; u8 data[len * 32]; }
        var strings = new uint[3 + count * NameSize / 4];
        (strings[0], strings[1], strings[2]) = (GetStrings, FeatureStrings, (uint)count);
        Call(socket, interfaceName, strings);
        var bytes = MemoryMarshal.AsBytes(strings.AsSpan(3)).ToArray();
        return [.. Enumerable.Range(0, count).Select(i => Encoding.ASCII.GetString(bytes, i * NameSize, NameSize).TrimEnd('\0'))];
    }

    static void Call(SafeFileHandle socket, string interfaceName, uint[] command)
    {
        fixed (uint* data = command)
        {
            // struct ifreq: 16 bytes of name, then a union whose pointer is used; 40 bytes in all.
            var request = stackalloc byte[40];
            new Span<byte>(request, 40).Clear();
            Encoding.ASCII.GetBytes(interfaceName, new Span<byte>(request, 15));
            *(uint**)(request + 16) = data;
            if (Native.Ioctl(socket, SiocEthtool, request) < 0)
                throw Native.Failure($"SIOCETHTOOL {command[0]:x} on {interfaceName}");
        }
    }
}
