using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Map;

/// <summary>
/// Orders a network's controllers for one node or credential, each in an order of its own that stays the same while the controllers do
/// (rendezvous hashing), so that the members of a network spread over its controllers by themselves and a controller that goes is missed by
/// few. Pure.
/// </summary>
public static class ControllerOrder
{
    /// <summary>Lists the addresses to try in turn: every controller's first one, then every controller's second, and so on.</summary>
    /// <param name="whom">For whom.</param>
    /// <param name="controllers">The controllers.</param>
    public static IReadOnlyList<string> Addresses(EntityId whom, IEnumerable<ControllerEntry> controllers) =>
    [
        .. controllers
            .OrderBy(one => Rank(whom, one.Id.Value), StringComparer.Ordinal)
            .SelectMany((one, place) => one.Addresses.Select((address, turn) => (Address: address, Turn: turn, Place: place)))
            .OrderBy(one => one.Turn)
            .ThenBy(one => one.Place)
            .Select(one => one.Address)
            .Distinct(StringComparer.Ordinal),
    ];

    static string Rank(EntityId whom, EntityId controller)
    {
        Span<byte> bytes = stackalloc byte[2 * EntityId.Size];
        whom.WriteTo(bytes);
        controller.WriteTo(bytes[EntityId.Size..]);
        return Sha256.Hash(bytes).ToString();
    }
}
