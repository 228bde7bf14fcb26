using System.Globalization;

namespace Mesh.Protocol.Uapi;

/// <summary>Translates between the names of interfaces and their numbers, in link-local endpoints such as <c>[fe80::1%eth0]:51820</c>.</summary>
/// <param name="Index">The number of an interface, or null when there is none of that name.</param>
/// <param name="Name">The name of an interface, or its number in digits.</param>
public sealed record UapiScopes(Func<string, uint?> Index, Func<uint, string> Name)
{
    /// <summary>Knows numbers only.</summary>
    public static readonly UapiScopes Numeric = new(
        text => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : null,
        index => index.ToString(CultureInfo.InvariantCulture));
}
