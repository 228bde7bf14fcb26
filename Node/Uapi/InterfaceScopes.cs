using System.Globalization;
using System.Text;
using Mesh.Node.Device.Native;
using Mesh.Protocol.Uapi;

namespace Mesh.Node.Uapi;

/// <summary>Names and numbers of this machine's interfaces.</summary>
static unsafe class InterfaceScopes
{
    /// <summary>Asks the system; numbers are read too.</summary>
    public static readonly UapiScopes Instance = new(
        name => LibC.IfNameToIndex(name) is var index and not 0 ? index : UapiScopes.Numeric.Index(name),
        index => NameOf(index) ?? UapiScopes.Numeric.Name(index));

    static string? NameOf(uint index)
    {
        var name = stackalloc byte[16];
        if (LibC.IfIndexToName(index, name) == null)
            return null;
        ReadOnlySpan<byte> text = new(name, 16);
        return Encoding.UTF8.GetString(text[..text.IndexOf((byte)0)]);
    }
}
