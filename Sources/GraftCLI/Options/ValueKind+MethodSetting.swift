import Foundation
import Graft

extension ValueKind where Value == (name: String, value: MethodSettings.Value) {
    /// `name=value`, the value a number, true or false, or text; JSON where it begins as a list or an object.
    package static var methodSetting: ValueKind {
        ValueKind(
            valueName: "NAME=VALUE", expected: "a name and a value, such as rank_stabilized=true",
            read: { text in
                guard let equals = text.firstIndex(of: "="), equals > text.startIndex else { return nil }
                let written = String(text[text.index(after: equals)...])
                let json = try? JSONSerialization.jsonObject(with: Data(written.utf8), options: .fragmentsAllowed)
                let isStructure = written.hasPrefix("[") || written.hasPrefix("{")
                guard let value = json.flatMap(MethodSettings.Value.init(json:)) ?? (isStructure ? nil : .text(written))
                else { return nil }
                return (String(text[..<equals]), value)
            }, write: { "\($0.name)=…" })
    }
}

extension MethodSettings.Value {
    /// A value of Foundation's JSON; nil for null.
    fileprivate init?(json: Any) {
        switch json {
        case let text as String: self = .text(text)
        case let number as NSNumber:
            // Foundation's numbers are flags where the text said true or false.
            self = String(cString: number.objCType) == "c" ? .flag(number.boolValue) : .number(number.doubleValue)
        case let list as [Any]:
            let values = list.compactMap(MethodSettings.Value.init(json:))
            guard values.count == list.count else { return nil }
            self = .list(values)
        case let object as [String: Any]:
            let values = object.compactMapValues(MethodSettings.Value.init(json:))
            guard values.count == object.count else { return nil }
            self = .object(values)
        default: return nil
        }
    }
}
